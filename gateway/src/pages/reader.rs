//! In which language somebody reads a page.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use usher_text::Locale;

use super::texts::Texts;

/// The reader's own locale where it is known, then what the browser asks for, then the organization's.
pub(super) fn locale(headers: &HeaderMap, own: Option<&str>, organization: Option<&str>) -> Locale {
    let wishes = wishes(headers);
    let wishes = wishes.iter().map(|wish| Some(wish.as_str()));
    Texts::choose([own].into_iter().chain(wishes).chain([organization]))
}

/// Of somebody of whom nothing is known.
pub(super) fn stranger(headers: &HeaderMap) -> Locale {
    locale(headers, None, None)
}

/// What the browser asks for, the dearest first. What it refuses has the weight nought.
fn wishes(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    accept_language::parse_with_quality(&lines.join(","))
        .into_iter()
        .filter(|(_, weight)| *weight > 0.0)
        .map(|(tag, _)| tag)
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use usher_text::Language;

    use super::*;

    fn read(accepted: Option<&'static str>, own: Option<&str>, organization: Option<&str>) -> Language {
        let mut headers = HeaderMap::new();
        if let Some(accepted) = accepted {
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
        }
        locale(&headers, own, organization).language
    }

    #[test]
    fn the_readers_own_then_the_browsers_then_the_organizations() {
        let table = [
            (None, None, None, Language::English),
            (None, None, Some("de-AT"), Language::German),
            (Some("fr-CA,en;q=0.5"), None, Some("de"), Language::French),
            (Some("fr"), Some("es-MX"), Some("de"), Language::Spanish),
            (Some("fr"), Some("ja"), Some("de"), Language::French),
            (Some("ja, pl;q=0.8"), None, Some("de"), Language::German),
            (Some("en;q=0.3, de;q=0.9"), None, None, Language::German),
            (Some("de;q=0, es;q=0.1"), None, None, Language::Spanish),
            (Some("*"), None, Some("fr"), Language::French),
            (Some(";;q=,,"), None, None, Language::English),
        ];
        for (accepted, own, organization, expected) in table {
            assert_eq!(
                read(accepted, own, organization),
                expected,
                "{accepted:?} {own:?} {organization:?}"
            );
        }
    }
}
