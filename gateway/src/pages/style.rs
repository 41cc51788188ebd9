//! How the pages look: one style sheet, light and dark, readable by everybody.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

const SHEET: &str = include_str!("../../templates/pages.css");

pub(super) async fn style() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, SHEET).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Light and dark.
    fn colours(name: &str) -> [f64; 2] {
        let (_, rest) = SHEET.split_once(&format!("--{name}: light-dark(")).unwrap();
        let (pair, _) = rest.split_once(')').unwrap();
        let (light, dark) = pair.split_once(',').unwrap();
        [luminance(light.trim()), luminance(dark.trim())]
    }

    /// WCAG 2.2, relative luminance.
    fn luminance(hex: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.7152_f64.mul_add(part(3), 0.2126_f64.mul_add(part(1), 0.0722 * part(5)))
    }

    #[test]
    fn every_text_stands_out_and_so_does_every_edge() {
        let pairs = [
            ("ink", "ground", 7.0),
            ("soft", "ground", 4.5),
            ("accent", "ground", 4.5),
            ("error", "ground", 4.5),
            ("on-accent", "accent", 4.5),
            ("line", "ground", 3.0),
        ];
        for (front, back, least) in pairs {
            for (front_light, back_light) in colours(front).into_iter().zip(colours(back)) {
                let (high, low) = (front_light.max(back_light), front_light.min(back_light));
                let contrast = (high + 0.05) / (low + 0.05);
                assert!(contrast >= least, "{front} on {back}: {contrast:.2}");
            }
        }
    }
}
