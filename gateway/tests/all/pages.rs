//! What the pages have in common, and those of development.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use super::harness::{Answer, Harness};

pub async fn request(harness: &Harness, method: Method, path: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap();
    harness.send(request).await
}

pub async fn get(harness: &Harness, path: &str) -> Answer {
    request(harness, Method::GET, path).await
}

pub fn form(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header("origin", "null")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

pub fn is_a_page(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        answer.header("content-security-policy"),
        Some(
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
    );
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.text().contains("<html lang=\"en\">"));
    assert!(!answer.text().contains("<script"));
}

#[tokio::test]
async fn n10_captured_mail_is_shown_in_development_alone() {
    let harness = Harness::new();
    assert!(
        get(&harness, "/dev/mail")
            .await
            .text()
            .contains("There is none yet.")
    );
    let mail = "Subject: Hello\r\nTo: a@example.com\r\n\r\nhttp://127.0.0.1:8080/activate/abc\r\n";
    std::fs::create_dir(harness.folder.path().join("mail")).unwrap();
    std::fs::write(harness.folder.path().join("mail/one.eml"), mail).unwrap();
    let list = get(&harness, "/dev/mail").await;
    is_a_page(&list);
    assert!(
        list.text().contains("<a href=\"/dev/mail/one.eml\">Hello</a>"),
        "{}",
        list.text()
    );
    let mail = get(&harness, "/dev/mail/one.eml").await;
    assert!(
        mail.text()
            .contains("<a href=\"http://127.0.0.1:8080/activate/abc\">"),
        "{}",
        mail.text()
    );
    assert_eq!(
        get(&harness, "/dev/mail/..%2Fkeys.toml").await.status,
        StatusCode::NOT_FOUND
    );
    let production = Harness::with(&[("mode", "production")]);
    for path in ["/dev/mail", "/dev/mail/one.eml"] {
        assert_eq!(
            get(&production, path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(get(&production, "/sign-in").await.status, StatusCode::OK);
    assert_eq!(get(&production, "/assets/pages.css").await.status, StatusCode::OK);
}
