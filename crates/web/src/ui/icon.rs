//! Icons, drawn here: 24 units square, lines of 1.75.

/// The icon of that name as SVG; a dot when there is none.
pub fn svg(name: &str) -> String {
    let paths = match name {
        "overview" => {
            r#"<rect x="3.5" y="3.5" width="7" height="8" rx="1.5"/><rect x="13.5" y="3.5" width="7" height="5" rx="1.5"/><rect x="3.5" y="14.5" width="7" height="6" rx="1.5"/><rect x="13.5" y="11.5" width="7" height="9" rx="1.5"/>"#
        }
        "plug" => r#"<path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4"/>"#,
        "bridge" => r#"<path d="M3 7v12M21 7v12M3 15h18M3 7c2 5 5 7 9 7s7-2 9-7M8 13v2M12 14v1M16 13v2"/>"#,
        "clients" => r#"<path d="M4 20V6l7-3v17M11 9l8 3v8M2.5 20h19M7 9v.1M7 13v.1M15 14.5v.1"/>"#,
        "device" => r#"<rect x="3" y="4" width="18" height="12" rx="2"/><path d="M8.5 20h7M12 16v4"/>"#,
        "runs" => r#"<path d="M4 12a8 8 0 1 1 2.4 5.7M4 20v-4h4M12 8v4l3 2"/>"#,
        "plan" => r#"<path d="M8 6h12M8 12h12M8 18h7M4 6h.1M4 12h.1M4 18h.1"/>"#,
        "settings" => {
            r#"<path d="M4 7h9M19 7h1M4 17h1M11 17h9"/><circle cx="16" cy="7" r="2.5"/><circle cx="8" cy="17" r="2.5"/>"#
        }
        "check" => r#"<path d="M5 12.5l4.5 4.5L19 7.5"/>"#,
        "cross" => r#"<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>"#,
        "dash" => r#"<path d="M7 12h10"/>"#,
        "warn" => r#"<path d="M12 4L2.8 19.5h18.4zM12 10v4M12 17v.1"/>"#,
        "info" => r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8v.1"/>"#,
        "search" => r#"<circle cx="11" cy="11" r="6.5"/><path d="M16 16l4.5 4.5"/>"#,
        "copy" => {
            r#"<rect x="8.5" y="8.5" width="12" height="12" rx="2"/><path d="M15.5 8.5v-3a2 2 0 0 0-2-2h-8a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h3"/>"#
        }
        "open" => {
            r#"<path d="M13 4h7v7M20 4l-9 9M18 14v4.5a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 4 18.5v-11A1.5 1.5 0 0 1 5.5 6H10"/>"#
        }
        "up" => r#"<path d="M7 14l5-5 5 5"/>"#,
        "down" => r#"<path d="M7 10l5 5 5-5"/>"#,
        "next" => r#"<path d="M10 7l5 5-5 5"/>"#,
        "back" => r#"<path d="M14 7l-5 5 5 5"/>"#,
        "sun" => {
            r#"<circle cx="12" cy="12" r="3.5"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M18.4 5.6L17 7M7 17l-1.4 1.4"/>"#
        }
        "moon" => r#"<path d="M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z"/>"#,
        "system" => {
            r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 3.5v17a8.5 8.5 0 0 0 0-17z" fill="currentColor"/>"#
        }
        "out" => {
            r#"<path d="M14 4h4.5A1.5 1.5 0 0 1 20 5.5v13a1.5 1.5 0 0 1-1.5 1.5H14M10 8l-4 4 4 4M6 12h9"/>"#
        }
        "person" => r#"<circle cx="12" cy="8.5" r="4"/><path d="M4.5 20.5a7.5 7.5 0 0 1 15 0"/>"#,
        "bell" => r#"<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4"/>"#,
        "key" => r#"<circle cx="8" cy="15" r="4.5"/><path d="M11.5 12L20 3.5M16.5 7l3 3"/>"#,
        "pause" => r#"<path d="M9 6v12M15 6v12"/>"#,
        "play" => r#"<path d="M8 5.5l10.5 6.5L8 18.5z"/>"#,
        "undo" => r#"<path d="M9 7L4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 0 10h-2"/>"#,
        "print" => {
            r#"<path d="M7 8V4h10v4M7 17H5a1.5 1.5 0 0 1-1.5-1.5v-5A2.5 2.5 0 0 1 6 8h12a2.5 2.5 0 0 1 2.5 2.5v5A1.5 1.5 0 0 1 19 17h-2"/><rect x="7" y="14" width="10" height="6.5" rx="1"/>"#
        }
        "save" => r#"<path d="M12 4v11M7.5 11L12 15.5 16.5 11M4 20h16"/>"#,
        "pencil" => r#"<path d="M4 20l1-4.5L16.5 4 20 7.5 8.5 19zM14 6.5l3.5 3.5"/>"#,
        "plus" => r#"<path d="M12 5v14M5 12h14"/>"#,
        "arrow" => r#"<path d="M4 12h16M14 6l6 6-6 6"/>"#,
        _ => r#"<circle cx="12" cy="12" r="2"/>"#,
    };
    format!(
        r#"<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{paths}</svg>"#
    )
}
