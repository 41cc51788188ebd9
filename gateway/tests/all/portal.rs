//! Signing in on the page, and the page of whoever is signed in.

use axum::body::Body;
use http::{Request, StatusCode};
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_proto::{bytes_of, timestamp};
use usher_types::ContactId;

use super::harness::{Answer, Harness};
use super::pages::{form, is_a_page};

fn signing_in(harness: &Harness, token: String) {
    let at = timestamp(harness.now());
    harness
        .fakes
        .on("SignIn", move |asked: invitations::SignInRequest| {
            let refusal = Refusal {
                code: "BAD_CREDENTIALS".to_owned(),
                ..Refusal::default()
            };
            let session = invitations::Session {
                access_token: token.clone(),
                refresh_token: Some("refresh".to_owned()),
                expires_at: Some(at),
                read_only: false,
            };
            let right = asked.password == "right";
            Ok(invitations::SessionReply {
                session: right.then_some(session),
                refusals: (!right).then_some(refusal).into_iter().collect(),
            })
        });
}

fn cookies(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    cookies
        .map(|cookie| cookie.to_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_contact_signs_in_and_the_cookies_are_out_of_reach() {
    for (url, prefix, end) in [
        ("http://127.0.0.1:8080", "", "; Path=/; HttpOnly; SameSite=Lax"),
        (
            "https://portal.example",
            "__Host-",
            "; Path=/; HttpOnly; SameSite=Lax; Secure",
        ),
    ] {
        let harness = Harness::with(&[("public_url", url)]);
        let token = harness.contact(ContactId::new(harness.now()));
        signing_in(&harness, token.clone());
        let answer = harness
            .send(form(
                "/sign-in",
                "email=a%40example.com&password=right&organization=mueller",
            ))
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), Some("/portal"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(
            cookies(&answer),
            [
                format!("{prefix}usher_access={token}{end}"),
                format!("{prefix}usher_refresh=refresh{end}")
            ]
        );
        let [asked] = &harness.fakes.calls::<invitations::SignInRequest>("SignIn")[..] else {
            panic!("one call");
        };
        assert_eq!(
            (
                asked.r#as.as_deref(),
                asked.organization.as_deref(),
                asked.source.as_str()
            ),
            (Some("CONTACT"), Some("mueller"), "192.0.2.7")
        );
    }
}

#[tokio::test]
async fn i11_a_wrong_password_keeps_the_address_and_never_the_password() {
    let harness = Harness::new();
    signing_in(&harness, String::new());
    let answer = harness
        .send(form(
            "/sign-in",
            "email=%22a%40example.com&password=wrong-one&organization=mueller",
        ))
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    is_a_page(&answer);
    let text = answer.text();
    assert!(text.contains("value=\"&quot;a@example.com\""), "{text}");
    assert!(text.contains("name=\"organization\" value=\"mueller\""));
    assert!(text.contains("The address or the password is wrong."));
    assert!(text.contains("id=\"error\" role=\"alert\""));
    assert!(!text.contains("wrong-one"));
    assert_eq!(cookies(&answer), Vec::<String>::new());
}

async fn portal(harness: &Harness, cookie: &str) -> Answer {
    let request = Request::get("/portal")
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    harness.send(request).await
}

fn home(harness: &Harness, id: ContactId) {
    harness
        .fakes
        .on("GetOrganization", |_: invitations::GetOrganizationRequest| {
            let organization = invitations::Organization {
                name: "Müller".to_owned(),
                ..Default::default()
            };
            Ok(invitations::OrganizationReply {
                organization: Some(organization),
                ..Default::default()
            })
        })
        .on("BatchGetContacts", move |_: contacts::BatchGetRequest| {
            let contact = contacts::Contact {
                id: bytes_of(id),
                display_name: "Ada <Lovelace>".to_owned(),
                ..Default::default()
            };
            Ok(contacts::BatchGetContactsReply {
                contacts: vec![contact],
            })
        })
        .on("LinksOfContacts", move |_: contacts::BatchGetRequest| {
            let link = |name: &str, login| contacts::Link {
                contact_id: bytes_of(id),
                login,
                account: Some(contacts::Account {
                    name: name.to_owned(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            Ok(contacts::BatchGetLinksReply {
                links: vec![link("Open Ltd", true), link("Closed Ltd", false)],
            })
        });
}

#[tokio::test]
async fn i13_the_signed_in_page_shows_the_accounts_whose_link_has_login_on() {
    let harness = Harness::new();
    let id = ContactId::new(harness.now());
    home(&harness, id);
    let answer = portal(&harness, &format!("usher_access={}", harness.contact(id))).await;
    assert_eq!(answer.status, StatusCode::OK);
    is_a_page(&answer);
    let text = answer.text();
    assert!(text.contains("Welcome, Ada &lt;Lovelace&gt;"), "{text}");
    assert!(text.contains("You are signed in to Müller."));
    assert!(text.contains("<li>Open Ltd</li>"));
    assert!(!text.contains("Closed Ltd"));
    assert!(text.contains("<form method=\"post\" action=\"/sign-out\">"));
}

#[tokio::test]
async fn i11_a_session_is_renewed_by_its_refresh_token_and_ends_without_one() {
    let harness = Harness::new();
    let id = ContactId::new(harness.now());
    home(&harness, id);
    let old = harness.contact(id);
    harness.clock.advance(chrono::TimeDelta::minutes(6));
    let new = harness.contact(id);
    let at = timestamp(harness.now());
    let renewed = new.clone();
    harness.fakes.on(
        "RefreshSession",
        move |asked: invitations::RefreshSessionRequest| {
            let session = invitations::Session {
                access_token: renewed.clone(),
                refresh_token: Some("second".to_owned()),
                expires_at: Some(at),
                read_only: false,
            };
            Ok(invitations::SessionReply {
                session: (asked.refresh_token == "first").then_some(session),
                ..Default::default()
            })
        },
    );
    let answer = portal(&harness, &format!("usher_access={old}; usher_refresh=first")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(cookies(&answer)[0].starts_with(&format!("usher_access={new};")));
    assert!(cookies(&answer)[1].starts_with("usher_refresh=second;"));
    for cookie in [
        format!("usher_access={old}"),
        format!("usher_access={old}; usher_refresh=used"),
        String::new(),
    ] {
        let answer = portal(&harness, &cookie).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, Some("/sign-in"))
        );
        assert!(
            cookies(&answer)
                .iter()
                .all(|cookie| cookie.ends_with("Max-Age=0"))
        );
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookies_away() {
    let harness = Harness::new();
    harness.fakes.on("SignOut", |_: invitations::SignOutRequest| {
        Ok(invitations::SignOutReply::default())
    });
    let token = harness.contact(ContactId::new(harness.now()));
    let mut request = form("/sign-out", "");
    let cookie = format!("usher_access={token}; usher_refresh=r");
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let answer = harness.send(request).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, Some("/sign-in"))
    );
    assert_eq!(cookies(&answer).len(), 2);
    let asked = harness.fakes.calls::<invitations::SignOutRequest>("SignOut");
    assert_eq!(asked[0].refresh_token.as_deref(), Some("r"));
    assert_eq!(harness.fakes.tokens(), [Some(format!("Bearer {token}"))]);
}
