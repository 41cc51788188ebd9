//! The pages of a forgotten password.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::json;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1 as invitations;
use usher_proto::timestamp;

use super::harness::Harness;
use super::pages::{form, get, is_a_page, request};

const PATH: &str = "/reset/c2VjcmV0LXRva2VuLW9mLXRoaXMtdGVzdC0xMjM0NTY3ODk";

fn landing(harness: &Harness, state: &'static str, member: bool) {
    let at = timestamp(harness.now());
    harness
        .fakes
        .on("GetPasswordReset", move |_: invitations::LinkRequest| {
            let known = state != "INVALID";
            Ok(invitations::Landing {
                state: state.to_owned(),
                organization_name: known.then(|| "Müller & <Söhne>".to_owned()),
                organization_slug: known.then(|| "mueller".to_owned()),
                masked_email: known.then(|| "a•••@example.com".to_owned()),
                newest_sent_at: (state == "SUPERSEDED").then_some(at),
                expires_at: known.then_some(at),
                time_zone: Some("Europe/Berlin".to_owned()),
                password_min_length: Some(16),
                member: known && member,
                ..invitations::Landing::default()
            })
        });
}

fn resetting(harness: &Harness, code: Option<&'static str>) {
    harness
        .fakes
        .on("ResetPassword", move |_: invitations::ResetPasswordRequest| {
            let refusal = |code: &str| Refusal {
                code: code.to_owned(),
                ..Refusal::default()
            };
            Ok(invitations::ResetPasswordReply {
                accepted: code.is_none(),
                refusals: code.map(refusal).into_iter().collect(),
            })
        });
}

fn noting(harness: &Harness) {
    harness.fakes.on(
        "RequestPasswordReset",
        |_: invitations::RequestPasswordResetRequest| Ok(invitations::RequestPasswordResetReply {}),
    );
}

#[tokio::test]
async fn i12_each_state_of_the_link_has_its_page_and_looking_changes_nothing() {
    for (state, status, says, way_on) in [
        ("OPEN", StatusCode::OK, "You can choose until Friday", false),
        ("EXPIRED", StatusCode::GONE, "works for an hour", true),
        (
            "SUPERSEDED",
            StatusCode::GONE,
            "sent a newer one to <span class=\"address\">a•••@example.com</span> on Friday",
            false,
        ),
        ("INVALID", StatusCode::NOT_FOUND, "This link does not work", true),
    ] {
        let harness = Harness::new();
        landing(&harness, state, false);
        for method in [Method::GET, Method::HEAD, Method::GET] {
            assert_eq!(request(&harness, method, PATH).await.status, status, "{state}");
        }
        assert_eq!(harness.fakes.called(), ["GetPasswordReset"; 3]);
        let answer = get(&harness, PATH).await;
        is_a_page(&answer);
        assert!(answer.text().contains(says), "{state}: {}", answer.text());
        assert_eq!(answer.text().contains("<form"), state == "OPEN");
        assert_eq!(answer.text().contains("href=\"/forgot"), way_on, "{state}");
    }
}

#[tokio::test]
async fn i12_another_password_leads_to_the_sign_in_and_signs_nobody_in() {
    for (member, sign_in) in [
        (false, "/sign-in?organization=mueller"),
        (true, "/sign-in?organization=mueller&amp;as=member"),
    ] {
        let harness = Harness::new();
        landing(&harness, "OPEN", member);
        resetting(&harness, None);
        let answer = harness
            .send(form(PATH, "password=correct+horse+battery+%C3%BC"))
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        is_a_page(&answer);
        assert!(answer.text().contains("Your password is changed"));
        assert!(
            answer.text().contains(&format!("href=\"{sign_in}\"")),
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("set-cookie"), None);
        let [asked] = &harness
            .fakes
            .calls::<invitations::ResetPasswordRequest>("ResetPassword")[..]
        else {
            panic!("one call");
        };
        assert_eq!(asked.password, "correct horse battery ü");
        assert_eq!(Some(asked.token.as_str()), PATH.strip_prefix("/reset/"));
    }
}

#[tokio::test]
async fn i10_a_refused_password_is_explained_at_its_field_which_has_the_focus() {
    let harness = Harness::new();
    landing(&harness, "OPEN", false);
    resetting(&harness, Some("PASSWORD_TOO_SHORT"));
    let answer = harness.send(form(PATH, "password=secret-thing")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let text = answer.text();
    assert!(
        text.contains("<title>Error: Choose a new password</title>"),
        "{text}"
    );
    assert!(text.contains("take at least 16 characters"));
    assert!(text.contains("aria-invalid=\"true\" autofocus"));
    assert!(!text.contains("secret-thing"));
}

#[tokio::test]
async fn i12_a_link_that_died_meanwhile_is_shown_as_it_is() {
    let harness = Harness::new();
    landing(&harness, "INVALID", false);
    resetting(&harness, Some("LINK_INVALID"));
    let answer = harness.send(form(PATH, "password=correct+horse+battery")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text().contains("This link does not work"));
}

#[tokio::test]
async fn i8_whoever_is_signed_in_plays_no_part_and_the_page_says_so() {
    let harness = Harness::new();
    landing(&harness, "OPEN", false);
    let cookie = format!("usher_access={}", harness.admin());
    let request = Request::get(PATH)
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    let answer = harness.send(request).await;
    assert!(answer.text().contains("Somebody is signed in with this browser"));
    assert_eq!(harness.fakes.tokens(), [None]);
}

#[tokio::test]
async fn i12_the_answer_is_the_same_whoever_has_the_address() {
    let harness = Harness::new();
    noting(&harness);
    let page = get(&harness, "/forgot?organization=mueller&as=member").await;
    is_a_page(&page);
    assert!(page.text().contains("name=\"organization\" value=\"mueller\""));
    assert!(
        page.text()
            .contains("href=\"/sign-in?organization=mueller&amp;as=member\"")
    );
    assert_eq!(
        request(&harness, Method::HEAD, "/forgot").await.status,
        StatusCode::OK
    );
    assert_eq!(harness.fakes.called(), Vec::<String>::new());

    let mut answers = Vec::new();
    for email in ["ada%40example.com", "nobody", "%3Cb%3E"] {
        let answer = harness
            .send(form("/forgot", &format!("email={email}&organization=mueller")))
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        is_a_page(&answer);
        answers.push(answer.text().to_owned());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let asked = harness
        .fakes
        .calls::<invitations::RequestPasswordResetRequest>("RequestPasswordReset");
    assert_eq!(
        (
            asked[0].email.as_str(),
            asked[0].organization.as_deref(),
            asked[0].source.as_str()
        ),
        ("ada@example.com", Some("mueller"), "192.0.2.7")
    );
}

#[tokio::test]
async fn i12_the_mutations() {
    let harness = Harness::new();
    noting(&harness);
    resetting(&harness, Some("LINK_EXPIRED"));
    let ask =
        "mutation { requestPasswordReset(input: { email: \"a@example.com\" }) { userErrors { code } } }";
    let answer = harness.ask(None, ask, json!({})).await;
    assert_eq!(
        answer.json()["data"]["requestPasswordReset"],
        json!({ "userErrors": [] })
    );
    let reset = "mutation { resetPassword(input: { token: \"x\", password: \"y\" }) { accepted userErrors { code } } }";
    let answer = harness.ask(None, reset, json!({})).await;
    let expected = json!({ "accepted": false, "userErrors": [{ "code": "LINK_EXPIRED" }] });
    assert_eq!(answer.json()["data"]["resetPassword"], expected);
}
