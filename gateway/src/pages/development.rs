//! Development only: the mail that was captured instead of being sent (N10).

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use minijinja::context;
use usher_text::Locale;

use super::eml::{self, Mail};
use super::not_found;
use crate::http::App;

/// Mails that the list shows.
const MOST_MAILS: usize = 200;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/dev/mail", get(list))
        .route("/dev/mail/{name}", get(mail))
}

async fn list(State(app): State<Arc<App>>) -> Response {
    let mut mails = Vec::new();
    for name in newest(&app.mail_dir).await {
        if let Some(mail) = read(&app.mail_dir, &name).await {
            mails.push(context! { name, subject => mail.subject, to => mail.to, date => mail.date });
        }
    }
    app.pages.page(
        StatusCode::OK,
        Locale::default(),
        "mail_list.html",
        context! { mails },
    )
}

async fn mail(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let found = if is_plain(&name) {
        read(&app.mail_dir, &name).await
    } else {
        None
    };
    match found {
        Some(mail) => {
            let mail = context! {
                subject => mail.subject,
                from => mail.from,
                to => mail.to,
                date => mail.date,
                text => mail.text,
                links => mail.links,
            };
            app.pages
                .page(StatusCode::OK, Locale::default(), "mail.html", context! { mail })
        }
        None => not_found(State(app), headers).await,
    }
}

/// A file name and no way out of the folder.
fn is_plain(name: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@' | b'+' | b'=');
    name.ends_with(".eml") && !name.starts_with('.') && name.bytes().all(plain)
}

async fn read(folder: &FilePath, name: &str) -> Option<Mail> {
    let bytes = tokio::fs::read(folder.join(name)).await.ok()?;
    Some(eml::parse(&bytes))
}

/// The names of the newest mails, the newest first.
async fn newest(folder: &FilePath) -> Vec<String> {
    let mut found = Vec::new();
    // no folder means no mail yet
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else {
        return Vec::new();
    };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let (true, Ok(metadata)) = (is_plain(&name), entry.metadata().await) {
            found.push((metadata.modified().ok(), name));
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.into_iter().take(MOST_MAILS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        assert!(is_plain("0199-ada@example.eml"));
        for name in [
            "../keys.toml",
            "a/b.eml",
            ".eml",
            "..eml",
            "keys.toml",
            "a%2fb.eml",
        ] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
