//! Database addresses: what is understood, what is refused, and what is never shown.

use std::path::Path;
use store::{DatabaseUrl, Error};

#[test]
fn files_and_servers_are_told_apart() {
    for (text, path) in [
        (
            "sqlite:/var/lib/rmmbridge/rmmbridge.db",
            "/var/lib/rmmbridge/rmmbridge.db",
        ),
        ("sqlite:rmmbridge.db", "rmmbridge.db"),
        ("sqlite:///var/lib/rmmbridge.db", "/var/lib/rmmbridge.db"),
        ("sqlite://rmmbridge.db", "rmmbridge.db"),
    ] {
        assert_eq!(
            DatabaseUrl::parse(text).unwrap(),
            DatabaseUrl::Sqlite(Path::new(path).to_owned()),
            "{text}"
        );
    }
    for text in [
        "postgres://bridge@db/rmm",
        "postgresql://bridge@db:5433/rmm?sslmode=require",
    ] {
        assert_eq!(
            DatabaseUrl::parse(text).unwrap(),
            DatabaseUrl::Postgres(text.to_owned())
        );
    }
}

#[test]
fn what_is_no_address_is_refused_with_what_one_looks_like() {
    for (text, cause) in [
        ("mysql://root@db/rmm", "unknown scheme \"mysql\""),
        ("rmmbridge.db", "unknown scheme \"rmmbridge.db\""),
        ("", "unknown scheme \"\""),
        ("sqlite:", "names no file"),
        ("sqlite://", "names no file"),
        ("sqlite::memory:", "names no file"),
        ("postgres://bridge@db:port/rmm", "is not a PostgreSQL address"),
    ] {
        let error = DatabaseUrl::parse(text).unwrap_err();
        assert!(matches!(error, Error::Address(_)), "{text}: {error:?}");
        let shown = error.to_string();
        assert!(shown.contains(cause), "{text}: {shown}");
        assert!(
            shown.contains("Write `sqlite:<path>` or `postgres://"),
            "{text}: {shown}"
        );
    }
}

#[test]
fn a_password_is_never_shown() {
    for text in [
        "postgres://bridge:hunter2@db.example:5433/rmm",
        "postgres://db.example:5433/rmm?user=bridge&password=hunter2",
    ] {
        let url = DatabaseUrl::parse(text).unwrap();
        for shown in [url.to_string(), format!("{url:?}")] {
            assert_eq!(shown, "PostgreSQL db.example:5433/rmm");
        }
    }
    // Nor when the address is refused.
    for text in [
        "postgres://bridge:hunter2@db:port/rmm",
        "mysql://bridge:hunter2@db/rmm",
    ] {
        let error = DatabaseUrl::parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    let made_by_hand = DatabaseUrl::Postgres("postgres://bridge:hunter2@db:port".to_owned());
    assert_eq!(
        format!("{made_by_hand} {made_by_hand:?}"),
        "PostgreSQL PostgreSQL"
    );
}
