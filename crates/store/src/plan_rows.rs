//! A plan as people look through it: filtered, searched, a page at a time, and what they took out of it.

use crate::audit::Note;
use crate::error::{Error, Result};
use crate::json::{parse, plain};
use crate::open::Store;
use model::{Action, Operation, PlanId};
use serde_json::json;
use std::collections::BTreeSet;

/// Which operations of a plan are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// Only of these actions ([`Action::name`]); empty for all. A word that is no action fits nothing.
    pub actions: Vec<String>,
    /// Only of the client of this name.
    pub client: Option<String>,
    /// Only those whose record, client or id contains this, whatever the case; empty for all.
    pub search: String,
}

/// What is taken out of a plan, or put back into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// These operations, by number.
    Numbers(Vec<u32>),
    /// All that the filter lets through.
    Filtered(OperationFilter),
}

/// What one searches an operation by.
pub(crate) fn searched(operation: &Operation) -> String {
    let subject = &operation.subject;
    format!(
        "{} {} {}",
        subject.label, operation.client_label, subject.source_id
    )
    .to_lowercase()
}

/// The pattern of what contains `text`; empty for everything.
pub(crate) fn pattern(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text => {
            let escaped = text.to_lowercase().replace('!', "!!");
            let escaped = escaped.replace('%', "!%").replace('_', "!_");
            plain(&format!("%{escaped}%")).into_owned()
        }
    }
}

impl OperationFilter {
    /// The condition on `plan_operation o`: `$1` the plan, `$2` the client, `$3` the pattern.
    fn condition(&self) -> String {
        let mut condition = "o.plan_id = $1".to_owned();
        if !self.actions.is_empty() {
            // Only our own words come into the statement.
            let known: Vec<String> = Action::NAMES
                .iter()
                .filter(|name| self.actions.iter().any(|action| action == *name))
                .map(|name| format!("'{name}'"))
                .collect();
            let list = if known.is_empty() {
                "''".to_owned()
            } else {
                known.join(", ")
            };
            condition.push_str(&format!(" AND o.action IN ({list})"));
        }
        // Named in any case, since every placeholder is bound; a comparison of texts costs nothing beside a row.
        condition.push_str(match &self.client {
            None => " AND $2 = ''",
            Some(_) => " AND o.client = $2",
        });
        condition.push_str(match self.search.trim() {
            "" => " AND $3 = ''",
            _ => " AND (o.search LIKE $3 ESCAPE '!' OR (o.search IS NULL AND lower(o.body) LIKE $3 ESCAPE '!'))",
        });
        condition
    }

    fn client(&self) -> &str {
        self.client.as_deref().unwrap_or_default()
    }
}

impl Store {
    /// A page of the operations of a plan that the filter lets through, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operation_page(
        &self,
        plan: &PlanId,
        filter: &OperationFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Operation>> {
        let (condition, search) = (filter.condition(), pattern(&filter.search));
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut conn = self.read().await?;
        // The page's numbers come out of the index alone; only its own operations are read.
        let rows = fetch_all!(
            conn,
            (String,),
            sqlx::AssertSqlSafe(format!(
                "SELECT p.body FROM plan_operation p WHERE p.plan_id = $1 AND p.number IN
                     (SELECT o.number FROM plan_operation o WHERE {condition} ORDER BY o.number LIMIT $4 OFFSET $5)
                 ORDER BY p.number"
            )),
            plan.as_str(),
            filter.client(),
            search.as_str(),
            number(limit),
            number(offset)
        )?;
        rows.into_iter()
            .map(|(body,)| parse("operation", &body))
            .collect()
    }

    /// How many operations of a plan the filter lets through.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operation_count(&self, plan: &PlanId, filter: &OperationFilter) -> Result<u64> {
        let (condition, search) = (filter.condition(), pattern(&filter.search));
        let mut conn = self.read().await?;
        let total = fetch_optional!(
            conn,
            (i64,),
            sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM plan_operation o WHERE {condition}")),
            plan.as_str(),
            filter.client(),
            search.as_str()
        )?;
        Ok(total.map_or(0, |(count,)| u64::try_from(count).unwrap_or(0)))
    }

    /// The operations a person took out of a plan.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deselected(&self, plan: &PlanId) -> Result<BTreeSet<u32>> {
        let mut conn = self.read().await?;
        let rows = fetch_all!(
            conn,
            (i64,),
            "SELECT number FROM plan_deselected WHERE plan_id = $1 ORDER BY number",
            plan.as_str()
        )?;
        let numbers = rows.into_iter().filter_map(|(n,)| u32::try_from(n).ok());
        Ok(numbers.collect())
    }

    /// How often it changed what is taken out of a plan.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such plan, or when the database fails.
    pub async fn plan_selection(&self, plan: &PlanId) -> Result<i64> {
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            (i64,),
            "SELECT selection FROM plan WHERE id = $1",
            plan.as_str()
        )?;
        row.map(|(selection,)| selection).ok_or_else(|| Error::Missing {
            what: "plan",
            name: plan.to_string(),
        })
    }

    /// Takes operations that write out of a plan, or with `back` puts them into it again; how many were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deselect(&self, plan: &PlanId, which: &Selected, back: bool) -> Result<u64> {
        let mut tx = self.write().await?;
        execute!(
            tx,
            "UPDATE plan SET selection = selection + 1 WHERE id = $1",
            plan.as_str()
        )?;
        let mut touched = 0;
        match which {
            Selected::Numbers(numbers) => {
                for number in numbers {
                    let sql = if back {
                        "DELETE FROM plan_deselected WHERE plan_id = $1 AND number = $2"
                    } else {
                        "INSERT INTO plan_deselected (plan_id, number)
                         SELECT o.plan_id, o.number FROM plan_operation o
                         WHERE o.plan_id = $1 AND o.number = $2 AND o.action NOT IN ('review', 'skip')
                         ON CONFLICT (plan_id, number) DO NOTHING"
                    };
                    touched += execute!(tx, sql, plan.as_str(), i64::from(*number))?;
                }
            }
            Selected::Filtered(filter) => {
                let (condition, search) = (filter.condition(), pattern(&filter.search));
                let sql = if back {
                    format!(
                        "DELETE FROM plan_deselected WHERE plan_id = $1 AND number IN
                             (SELECT o.number FROM plan_operation o WHERE {condition})"
                    )
                } else {
                    format!(
                        "INSERT INTO plan_deselected (plan_id, number)
                         SELECT o.plan_id, o.number FROM plan_operation o
                         WHERE {condition} AND o.action NOT IN ('review', 'skip')
                         ON CONFLICT (plan_id, number) DO NOTHING"
                    )
                };
                touched += execute!(
                    tx,
                    sqlx::AssertSqlSafe(sql),
                    plan.as_str(),
                    filter.client(),
                    search.as_str()
                )?;
            }
        }
        let action = if back { "plan.selected" } else { "plan.deselected" };
        let detail = match which {
            Selected::Numbers(numbers) => json!({ "operations": numbers }),
            Selected::Filtered(filter) => {
                json!({ "actions": filter.actions, "client": filter.client, "search": filter.search })
            }
        };
        let note = Note::new(action, plan.as_str()).with(json!({ "which": detail, "changed": touched }));
        self.note(&mut tx, &[note]).await?;
        tx.commit().await?;
        Ok(touched)
    }
}
