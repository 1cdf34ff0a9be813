//! QR codes as a drawing within the page.

use qrcode::{Color, QrCode};
use std::fmt::Write as _;

/// Free modules around a code, which readers need to find it.
const MARGIN: usize = 4;

/// `text` as a QR code; `label` is what it is called for those who do not see it.
///
/// # Errors
/// When the text is too long for one.
pub fn svg(text: &str, label: &str) -> Result<String, String> {
    let code = QrCode::new(text).map_err(|error| format!("Drawing a QR code: {error}."))?;
    let width = code.width();
    let side = width + 2 * MARGIN;
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (at % width + MARGIN, at / width + MARGIN);
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    // Dark on light whatever the page's colours: not every app reads the reverse.
    Ok(format!(
        r##"<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="{label}" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>"##
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_dark_on_light_without_a_style() {
        let drawn = svg("otpauth://totp/a?secret=ABC", "QR code").unwrap();
        assert!(drawn.starts_with("<svg") && drawn.contains("fill=\"#000\"") && !drawn.contains("style"));
        // The three corners by which readers find it are seven dark modules wide.
        assert!(drawn.contains("M4 4h1v1h-1z") && drawn.contains("M10 4h1v1h-1z"));
        assert!(svg(&"x".repeat(4_000), "QR code").is_err());
    }
}
