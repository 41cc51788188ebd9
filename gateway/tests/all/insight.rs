//! Why people get in or not, and how many do.

use serde_json::{Value, json};
use usher_proto::invitations::v1 as invitations;
use usher_proto::timestamp;

use super::harness::Harness;

#[tokio::test]
async fn i18_an_explanation_is_a_verdict_and_what_was_looked_at() {
    let harness = Harness::new();
    harness
        .fakes
        .on("ExplainAccess", |_: invitations::ExplainAccessRequest| {
            let finding = |code: &str, hint: Option<&str>| invitations::AccessFinding {
                code: code.to_owned(),
                holds: hint.is_none(),
                message: "Said.".to_owned(),
                hint: hint.map(str::to_owned),
            };
            Ok(invitations::ExplainAccessReply {
                explanation: Some(invitations::AccessExplanation {
                    verdict: "CANNOT".to_owned(),
                    summary: "No.".to_owned(),
                    findings: vec![
                        finding("PORTAL_ON", None),
                        finding("LOGIN_ON", Some("Switch it on.")),
                    ],
                }),
            })
        });
    let query =
        r#"{ explainAccess(contactId: "x") { verdict summary findings { code holds message hint } } }"#;
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["explainAccess"],
        json!({ "verdict": "CANNOT", "summary": "No.", "findings": [
            { "code": "PORTAL_ON", "holds": true, "message": "Said.", "hint": null },
            { "code": "LOGIN_ON", "holds": false, "message": "Said.", "hint": "Switch it on." },
        ] })
    );
}

#[tokio::test]
async fn i18_a_funnel_is_shown_by_week_and_null_for_no_batch() {
    let harness = Harness::new();
    let at = timestamp(harness.now());
    harness
        .fakes
        .on("GetFunnel", move |request: invitations::GetFunnelRequest| {
            let counts = Some(invitations::FunnelCounts {
                sent: 3,
                delivered: 2,
                ..invitations::FunnelCounts::default()
            });
            let week = invitations::FunnelWeek {
                week: "2026-W10".to_owned(),
                from: Some(at),
                to: Some(at),
                counts,
            };
            Ok(match request.batch_id {
                Some(_) => invitations::Funnel::default(),
                None => invitations::Funnel {
                    counts,
                    weeks: vec![week],
                    from: Some(at),
                    to: Some(at),
                },
            })
        });
    let query = r#"{ invitationFunnel { counts { sent delivered firstSignedIn } weeks { week counts { sent } } }
        nothing: invitationFunnel(batchId: "x") { from } }"#;
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    assert_eq!(
        answer.json()["data"],
        json!({ "invitationFunnel": { "counts": { "sent": 3, "delivered": 2, "firstSignedIn": 0 },
            "weeks": [{ "week": "2026-W10", "counts": { "sent": 3 } }] }, "nothing": null })
    );
}
