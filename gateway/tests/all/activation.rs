//! The page behind an invitation link.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1 as invitations;
use usher_proto::timestamp;

use super::harness::Harness;
use super::pages::{form, get, is_a_page, request};

const PATH: &str = "/activate/c2VjcmV0LXRva2VuLW9mLXRoaXMtdGVzdC0xMjM0NTY3ODk";

pub fn landing(harness: &Harness, state: &'static str) {
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
                ..invitations::Landing::default()
            })
        });
}

#[tokio::test]
async fn i8_each_state_of_a_link_has_its_page() {
    for (state, status, says) in [
        ("OPEN", StatusCode::OK, "You can accept until Friday"),
        ("EXPIRED", StatusCode::GONE, "This invitation has expired"),
        (
            "SUPERSEDED",
            StatusCode::GONE,
            "sent a newer one to <span class=\"address\">a•••@example.com</span> on Friday",
        ),
        ("INVALID", StatusCode::NOT_FOUND, "This link does not work"),
    ] {
        let harness = Harness::new();
        landing(&harness, state);
        let answer = get(&harness, PATH).await;
        assert_eq!(answer.status, status, "{state}");
        is_a_page(&answer);
        assert!(answer.text().contains(says), "{state}: {}", answer.text());
        assert_eq!(answer.text().contains("<form"), state != "INVALID");
        assert_eq!(answer.text().contains("type=\"password\""), state == "OPEN");
        // whoever used the link up wants to sign in
        assert_eq!(answer.text().contains("href=\"/sign-in\""), state == "INVALID");
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
