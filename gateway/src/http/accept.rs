//! Which form of answer the client takes (GraphQL-over-HTTP, September 2026).

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/graphql-response+json`: what GraphQL clients ask for, and what whoever takes anything gets.
    Graphql,
    /// `application/json`: older clients.
    Json,
    /// `text/event-stream`: subscriptions over HTTP, each on a connection of its own.
    Events,
}

impl Format {
    /// In order of preference.
    const ALL: [Self; 3] = [Self::Graphql, Self::Json, Self::Events];

    const fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Graphql => ("application", "graphql-response+json"),
            Self::Json => ("application", "json"),
            Self::Events => ("text", "event-stream"),
        }
    }

    /// As a `Content-Type`.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Graphql => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Events => "text/event-stream",
        }
    }
}

/// One entry of `Accept`.
struct Range<'a> {
    main: &'a str,
    sub: &'a str,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (main, sub) = parts.next()?.split_once('/')?;
        let mut quality = 1.0;
        for parameter in parts {
            let (name, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("q") => quality = value.parse().ok()?,
                // an answer in another encoding than the only one that we have
                name if name.eq_ignore_ascii_case("charset") && !is_utf8(value) => return None,
                _ => {}
            }
        }
        Some(Self { main, sub, quality })
    }

    /// How exactly this entry means the format; none where it does not.
    fn specificity(&self, format: Format) -> Option<u8> {
        let (main, sub) = format.media_type();
        match (self.main, self.sub) {
            ("*", "*") => Some(0),
            (range, "*") if range.eq_ignore_ascii_case(main) => Some(1),
            (range, exact) if range.eq_ignore_ascii_case(main) && exact.eq_ignore_ascii_case(sub) => Some(2),
            _ => None,
        }
    }
}

fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// What the client likes best among what we have; none is 406.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Format> {
    let mut lines = headers.get_all(ACCEPT).iter().peekable();
    if lines.peek().is_none() {
        return Some(Format::Graphql);
    }
    let ranges: Vec<Range<'_>> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|entry| Range::parse(entry.trim()))
        .collect();
    let quality = |format: Format| {
        let matching = ranges
            .iter()
            .filter_map(|range| Some((range.specificity(format)?, range.quality)));
        matching
            .max_by_key(|(specificity, _)| *specificity)
            .map_or(0.0, |(_, quality)| quality)
    };
    let mut best = None;
    for format in Format::ALL {
        let quality = quality(format);
        if quality > 0.0 && best.is_none_or(|(_, other)| quality > other) {
            best = Some((format, quality));
        }
    }
    best.map(|(format, _)| format)
}

/// Whether the body is JSON in UTF-8. Anything else is refused: the types that a browser's form can send would
/// otherwise reach us without a preflight.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(given) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = given.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            is_utf8(value.trim().trim_matches('"'))
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accept(value: &'static str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(value));
        negotiate(&headers)
    }

    #[test]
    fn the_client_gets_what_it_likes_best() {
        assert_eq!(negotiate(&HeaderMap::new()), Some(Format::Graphql));
        assert_eq!(accept("*/*"), Some(Format::Graphql));
        assert_eq!(accept("application/*"), Some(Format::Graphql));
        assert_eq!(accept("application/json"), Some(Format::Json));
        assert_eq!(accept("application/json;charset=UTF-8"), Some(Format::Json));
        assert_eq!(
            accept("application/json, application/graphql-response+json"),
            Some(Format::Graphql)
        );
        assert_eq!(
            accept("application/graphql-response+json;q=0.5, application/json"),
            Some(Format::Json)
        );
        assert_eq!(
            accept("application/graphql-response+json;q=0, */*"),
            Some(Format::Json)
        );
        assert_eq!(accept("text/event-stream"), Some(Format::Events));
        assert_eq!(accept("text/html, */*;q=0.8"), Some(Format::Graphql));
    }

    #[test]
    fn what_we_do_not_have_is_not_acceptable() {
        assert_eq!(accept("text/html"), None);
        assert_eq!(accept("application/xml, text/*;q=0"), None);
        assert_eq!(accept("application/json; charset=latin1"), None);
        assert_eq!(accept("nonsense"), None);
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        let is = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            is_json(&headers)
        };
        assert!(is("application/json"));
        assert!(is("Application/JSON; charset=\"utf-8\""));
        assert!(!is("application/json; charset=utf-16"));
        assert!(!is("text/plain"));
        assert!(!is("multipart/form-data; boundary=x"));
        assert!(!is("application/graphql"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
