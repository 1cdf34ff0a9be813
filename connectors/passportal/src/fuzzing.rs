//! Parsers of Passportal's bytes, for fuzzing (`fuzz/`) alone.

use crate::wire::{Client, Details, Document, Id, Page, Refusal, Token};
use crate::{convert, decode};

/// Lists of clients and documents, a document by itself, a token, and what is said beside them.
pub fn answers(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Token>(bytes);
    if let Ok(refused) = serde_json::from_slice::<Refusal>(bytes) {
        let _ = (refused.succeeded(), refused.number());
    }
    if let Ok(page) = serde_json::from_slice::<Page<Client>>(bytes) {
        let names: Vec<String> = page
            .results
            .into_iter()
            .flatten()
            .map(|client| client.name)
            .collect();
        let count = names.len();
        assert_eq!(decode::names(names).len(), count, "every client keeps a name");
    }
    let rows = serde_json::from_slice::<Page<Document>>(bytes).ok();
    let row = rows
        .and_then(|page| page.results.unwrap_or_default().pop())
        .unwrap_or(Document {
            id: Id(7),
            label: None,
            client_id: Id(1),
            template: None,
            template_name: None,
            kind: None,
        });
    let Ok(Details { details }) = serde_json::from_slice::<Details>(bytes) else {
        return;
    };
    let _ = (convert::goes_by_names(&details), convert::stranger(&details));
    let asset = convert::asset(&row, &details);
    assert_eq!(
        convert::id(&asset.id),
        Some(row.id),
        "it is found again by its id"
    );
    if let Some(mark) = convert::mark(&details) {
        assert_eq!(mark.len(), 16, "{mark:?}");
    }
}

/// A name of a list, encoded one way or the other.
pub fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let plain = decode::html(&text);
    assert!(text.contains('&') || plain == text, "what has no escape stays");
    let list: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(decode::names(list.clone()).len(), list.len());
}
