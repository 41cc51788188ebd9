//! The form that takes a password, behind an invitation's link and behind a reset's.

use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;
use usher_proto::common::v1::Refusal;

use super::link::Link;
use super::render::in_one_piece;

/// The shortest password where the service does not say (I10).
const SHORTEST_PASSWORD: i32 = 15;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Password {
    pub(super) password: String,
}

/// What a form is for: the first half of its texts' keys, where it goes, and where whoever it is not for goes.
pub(super) struct Form {
    pub(super) texts: &'static str,
    pub(super) action: String,
    pub(super) not_me: Option<String>,
}

/// The form; `refusal` is about a password that was not taken.
pub(super) fn form(link: &Link<'_>, form: &Form, refusal: Option<&Refusal>) -> Response {
    let status = if refusal.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let least = link.landing.password_min_length.unwrap_or(SHORTEST_PASSWORD);
    let error = refusal.map(|refusal| {
        let names = [("least", least.to_string())];
        link.app.pages.error(link.locale, &refusal.code, &names)
    });
    let text = |key: &str| link.text(&format!("{}.{key}", form.texts));
    let address = link.landing.masked_email.as_deref();
    let moment = link.moment(link.landing.expires_at).unwrap_or_default();
    let until = link.text_with(&format!("{}.expires", form.texts), ("moment", moment));
    let values = context! {
        title => text("title"),
        intro => in_one_piece(&text(if link.landing.member { "for_member" } else { "for" }), address),
        notice => link.notice(&format!("notice.{}", form.texts)),
        submit => text("submit"),
        action => form.action.as_str(),
        not_me => form.not_me.as_deref(),
        expires => link.landing.expires_at.map(|_| until),
        least,
        error,
    };
    link.app.pages.page(status, link.locale, "choose.html", values)
}

/// Whether the refusal is about the link, which is no longer what it was a moment ago.
pub(super) fn is_about_link(refusal: Option<&Refusal>) -> bool {
    refusal.is_none_or(|refusal| refusal.code.starts_with("LINK_"))
}
