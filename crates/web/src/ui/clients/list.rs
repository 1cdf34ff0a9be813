//! The list of clients.

use crate::Web;
use crate::auth::SignedIn;
use crate::problem::Result;
use crate::ui::table::{Ask, Column, PER_PAGE, Table};
use crate::ui::time::count;
use crate::ui::{Frame, Section, page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use engine::clients::ClientQuery;

const COLUMNS: [Column; 2] = [Column::text("name", "Name"), Column::number("", "Assets in use")];

#[derive(Template)]
#[template(path = "clients/list.html")]
struct ClientsPage {
    frame: Frame,
    table: Table,
    rows: Vec<Row>,
}

struct Row {
    address: String,
    name: String,
    assets: String,
}

/// The page.
pub async fn show(State(web): State<Web>, signed_in: SignedIn, ask: Ask) -> Result<Response> {
    let query = ClientQuery {
        search: ask.search.clone(),
        descending: ask.descending,
        offset: ask.offset(PER_PAGE),
        limit: PER_PAGE,
    };
    let (clients, total) = web.engine.client_list(&signed_in.actor, &query).await?;
    page(&ClientsPage {
        frame: signed_in.frame("Clients", Section::Clients).await?,
        table: Table::new("Clients", ask, &COLUMNS, total).searched_by("name"),
        rows: clients
            .into_iter()
            .map(|line| Row {
                address: format!("/clients/{}", line.client.id),
                name: line.client.name,
                assets: count(line.assets),
            })
            .collect(),
    })
}
