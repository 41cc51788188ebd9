//! The pages that people meet.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_proto::{bytes_of, timestamp};
use usher_types::ContactId;

use super::harness::{Answer, Harness};

const PATH: &str = "/activate/c2VjcmV0LXRva2VuLW9mLXRoaXMtdGVzdC0xMjM0NTY3ODk";

fn landing(harness: &Harness, state: &'static str) {
    let at = timestamp(harness.now());
    harness
        .fakes
        .on("GetLanding", move |_: invitations::LinkRequest| {
            let known = state != "INVALID";
            Ok(invitations::Landing {
                state: state.to_owned(),
                organization_name: known.then(|| "Müller & <Söhne>".to_owned()),
                organization_slug: known.then(|| "mueller".to_owned()),
                masked_email: known.then(|| "a•••@example.com".to_owned()),
                newest_sent_at: (state == "SUPERSEDED").then_some(at),
                expires_at: (state == "OPEN").then_some(at),
                time_zone: Some("Europe/Berlin".to_owned()),
                locale: Some("en".to_owned()),
                password_min_length: Some(16),
            })
        });
}

async fn request(harness: &Harness, method: Method, path: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap();
    harness.send(request).await
}

async fn get(harness: &Harness, path: &str) -> Answer {
    request(harness, Method::GET, path).await
}

fn form(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header("origin", "null")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

fn is_a_page(answer: &Answer) {
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
async fn i8_each_state_of_a_link_has_its_page() {
    for (state, status, says) in [
        ("OPEN", StatusCode::OK, "You can accept until Friday"),
        ("EXPIRED", StatusCode::GONE, "This invitation has expired"),
        (
            "SUPERSEDED",
            StatusCode::GONE,
            "sent a newer one to a•••@example.com on Friday",
        ),
        ("INVALID", StatusCode::NOT_FOUND, "This link does not work"),
    ] {
        let harness = Harness::new();
        landing(&harness, state);
        let answer = get(&harness, PATH).await;
        assert_eq!(answer.status, status, "{state}");
        is_a_page(&answer);
        assert!(answer.text().contains(says), "{state}: {}", answer.text());
        assert_eq!(answer.text().contains("<form"), state == "OPEN");
    }
}

#[tokio::test]
async fn i7_scanner_get_and_head_change_nothing() {
    let harness = Harness::new();
    landing(&harness, "OPEN");
    for method in [Method::GET, Method::HEAD, Method::GET] {
        assert_eq!(request(&harness, method, PATH).await.status, StatusCode::OK);
    }
    assert_eq!(harness.fakes.called(), ["GetLanding"; 3]);
}

#[tokio::test]
async fn the_page_says_for_whom_it_is_and_escapes_what_it_says() {
    let harness = Harness::new();
    landing(&harness, "OPEN");
    let page = get(&harness, PATH).await;
    let text = page.text();
    assert!(text.contains("Müller &amp; &lt;Söhne&gt; invites you"), "{text}");
    assert!(text.contains("a•••@example.com"));
    assert!(text.contains("<label for=\"password\">"));
    assert!(text.contains("autocomplete=\"new-password\""));
    assert!(text.contains("At least 16 characters"));
    assert!(text.contains("aria-describedby=\"password-hint\""));
    assert!(!text.contains("signed in with this browser"));
}

#[tokio::test]
async fn i8_whoever_is_signed_in_plays_no_part_and_the_page_says_so() {
    let harness = Harness::new();
    landing(&harness, "OPEN");
    let cookie = format!("x=y; usher_access={}", harness.admin());
    let request = Request::get(PATH)
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    let answer = harness.send(request).await;
    assert!(answer.text().contains("Somebody is signed in with this browser"));
    assert_eq!(harness.fakes.tokens(), [None]);
}

fn accepting(harness: &Harness, code: Option<&'static str>) {
    harness.fakes.on(
        "AcceptInvitation",
        move |_: invitations::AcceptInvitationRequest| {
            let refusal = |code: &str| Refusal {
                code: code.to_owned(),
                ..Refusal::default()
            };
            Ok(invitations::AcceptInvitationReply {
                accepted: code.is_none(),
                refusals: code.map(refusal).into_iter().collect(),
            })
        },
    );
}

#[tokio::test]
async fn i1_choosing_a_password_leads_to_the_sign_in_and_signs_nobody_in() {
    let harness = Harness::new();
    landing(&harness, "OPEN");
    accepting(&harness, None);
    let answer = harness
        .send(form(PATH, "password=correct+horse+battery+%C3%BC"))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    is_a_page(&answer);
    assert!(
        answer.text().contains("href=\"/sign-in?organization=mueller\""),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("set-cookie"), None);
    let [asked] = &harness
        .fakes
        .calls::<invitations::AcceptInvitationRequest>("AcceptInvitation")[..]
    else {
        panic!("one call");
    };
    assert_eq!(asked.password, "correct horse battery ü");
    assert_eq!(Some(asked.token.as_str()), PATH.strip_prefix("/activate/"));
}

#[tokio::test]
async fn i10_a_refused_password_is_explained_at_its_field() {
    let harness = Harness::new();
    landing(&harness, "OPEN");
    for (code, says) in [
        ("PASSWORD_TOO_SHORT", "take at least 16 characters"),
        ("PASSWORD_COMMON", "Many people use this password"),
        ("PASSWORD_GUESSABLE", "made of a name or an address"),
        ("PASSWORD_TOO_LONG", "too long"),
    ] {
        accepting(&harness, Some(code));
        let answer = harness.send(form(PATH, "password=secret-thing")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let text = answer.text();
        assert!(text.contains(says), "{text}");
        assert!(text.contains("id=\"password-error\" role=\"alert\""));
        assert!(text.contains("aria-describedby=\"password-hint password-error\""));
        assert!(text.contains("aria-invalid=\"true\""));
        assert!(!text.contains("secret-thing"));
    }
}

#[tokio::test]
async fn i7_a_link_that_was_spent_meanwhile_shows_what_it_is_now() {
    let harness = Harness::new();
    landing(&harness, "INVALID");
    accepting(&harness, Some("LINK_INVALID"));
    let answer = harness.send(form(PATH, "password=correct+horse+battery")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text().contains("This link does not work"));
}

#[tokio::test]
async fn forms_of_other_sites_and_bad_forms_do_nothing() {
    let harness = Harness::new();
    for path in [PATH, "/sign-in", "/sign-out"] {
        let mut request = form(path, "password=x&email=y");
        request
            .headers_mut()
            .insert("sec-fetch-site", "cross-site".parse().unwrap());
        let answer = harness.send(request).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        is_a_page(&answer);
    }
    assert_eq!(
        harness.send(form(PATH, "nothing=x")).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let long = format!("password={}", "x".repeat(20_000));
    assert_eq!(
        harness.send(form(PATH, &long)).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
}

#[tokio::test]
async fn a_service_that_is_away_is_said_and_nothing_is_lost() {
    let harness = Harness::new();
    harness.fakes.on("GetLanding", |_: invitations::LinkRequest| {
        Err::<invitations::Landing, _>(tonic::Status::unavailable("x"))
    });
    let answer = get(&harness, PATH).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    is_a_page(&answer);
}

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
    assert_eq!(get(&harness, "/").await.status, StatusCode::OK);
    let production = Harness::with(&[("mode", "production")]);
    for path in ["/", "/dev/mail", "/dev/mail/one.eml", "/assets/sandbox.js"] {
        assert_eq!(
            get(&production, path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(get(&production, "/sign-in").await.status, StatusCode::OK);
    assert_eq!(get(&production, "/assets/pages.css").await.status, StatusCode::OK);
}
