//! Records as people type them.

use anyhow::{Context as _, bail};
use model::{RecordKind, SourceId};

/// `1042` is a device; `client:7` says what else it is.
pub fn record(text: &str) -> anyhow::Result<(RecordKind, SourceId)> {
    let Some((kind, id)) = text.split_once(':') else {
        return Ok((RecordKind::Asset, SourceId::from(text)));
    };
    if id.is_empty() {
        bail!("{text}: write the id after the colon, e.g. client:7");
    }
    let kind = RecordKind::named(kind)
        .with_context(|| format!("{text}: before the colon stands client, site, asset_type or asset"))?;
    Ok((kind, SourceId::from(id)))
}

/// All of them.
pub fn records(texts: &[String]) -> anyhow::Result<Vec<(RecordKind, SourceId)>> {
    texts.iter().map(|text| record(text)).collect()
}

/// A record as [`record`] reads it.
pub fn typed(kind: RecordKind, source: &SourceId) -> String {
    match kind {
        RecordKind::Asset => source.to_string(),
        kind => format!("{}:{source}", kind.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_devices_unless_they_say_otherwise() {
        assert_eq!(record("1042").unwrap(), (RecordKind::Asset, "1042".into()));
        assert_eq!(record("client:7").unwrap(), (RecordKind::Client, "7".into()));
        assert!(record("server:7").unwrap_err().to_string().contains("asset_type"));
        assert!(record("client:").is_err());
        for text in ["1042", "client:7"] {
            let (kind, source) = record(text).unwrap();
            assert_eq!(typed(kind, &source), text);
        }
    }
}
