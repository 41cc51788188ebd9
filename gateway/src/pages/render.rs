//! Templates, and the headers that every page has.

use std::sync::Arc;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, Output, State, Value, context, escape_formatter};
use usher_service::StartError;
use usher_text::Locale;

use super::texts::Texts;

/// Nothing but our own style sheet, and forms that come back to us.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

macro_rules! templates {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../templates/", $name)))),+] };
}

const TEMPLATES: &[(&str, &str)] = templates![
    "base.html",
    "choose.html",
    "confirm_email.html",
    "decline.html",
    "forgot.html",
    "gone.html",
    "message.html",
    "sign_in.html",
    "portal.html",
    "graphiql.html",
    "mail_list.html",
    "mail.html",
];

/// The templates and their words.
#[derive(Debug)]
pub(crate) struct Pages {
    templates: Environment<'static>,
    texts: Arc<Texts>,
}

impl Pages {
    /// Reads what is embedded in the program.
    pub(crate) fn new() -> Result<Self, StartError> {
        let texts = Arc::new(Texts::new()?);
        let mut templates = Environment::new();
        for &(name, source) in TEMPLATES {
            templates
                .add_template(name, source)
                .map_err(|error| StartError::failed("templates", &error))?;
        }
        templates.set_formatter(write_value);
        let words = Arc::clone(&texts);
        templates.add_function("t", move |state: &State<'_, '_>, key: &str, names: Kwargs| {
            let language = state
                .lookup("lang")
                .map_or_else(|| "en".to_owned(), |lang| lang.to_string());
            let names: Vec<(&str, String)> = names
                .args()
                .filter_map(|name| Some((name, names.get::<Value>(name).ok()?.to_string())))
                .collect();
            let text = words.get(&language, key, &names);
            let address = names.iter().find(|(name, _)| *name == "email");
            in_one_piece(&text, address.map(|(_, address)| address.as_str()))
        });
        Ok(Self { templates, texts })
    }

    /// A text outside of a template.
    pub(super) fn text(&self, locale: Locale, key: &str, names: &[(&str, String)]) -> String {
        self.texts.get(locale.language.tag(), key, names)
    }

    /// What a refusal's code means to a reader.
    pub(super) fn error(&self, locale: Locale, code: &str, names: &[(&str, String)]) -> String {
        let language = locale.language.tag();
        let key = format!("error.{code}");
        let key = if self.texts.has(language, &key) {
            key.as_str()
        } else {
            "error.OTHER"
        };
        self.texts.get(language, key, names)
    }

    /// A page.
    pub(super) fn page(&self, status: StatusCode, locale: Locale, template: &str, values: Value) -> Response {
        let language = locale.language.tag();
        let values = context! { lang => language, ..values };
        let rendered = self
            .templates
            .get_template(template)
            .and_then(|template| template.render(values));
        match rendered {
            Ok(html) => (status, headers(POLICY, language), html).into_response(),
            Err(error) => {
                tracing::error!(%error, template, "a page could not be rendered");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    headers(POLICY, language),
                    "internal error\n",
                )
                    .into_response()
            }
        }
    }
}

/// As minijinja's own, except that a slash stays a slash: people read the source of these pages, too.
fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    let text = match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => text,
        _ => return escape_formatter(out, state, value),
    };
    Ok(out.write_str(&escaped(text))?)
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(letter),
        }
    }
    html
}

/// A text as HTML in which a line does not break inside of the address, where there is one.
pub(super) fn in_one_piece(text: &str, address: Option<&str>) -> Value {
    let html = escaped(text);
    let html = match address.filter(|address| !address.is_empty()).map(escaped) {
        Some(address) => html.replace(&address, &format!("<span class=\"address\">{address}</span>")),
        None => html,
    };
    Value::from_safe_string(html)
}

fn headers(policy: &'static str, language: &'static str) -> [(HeaderName, HeaderValue); 5] {
    [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_LANGUAGE, HeaderValue::from_static(language)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        // the address of a page may hold a token
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}
