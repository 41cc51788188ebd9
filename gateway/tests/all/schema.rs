//! The committed schema.

use std::process::Command;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{InputValueDefinition, TypeKind, TypeSystemDefinition};
use chrono::NaiveDate;
use usher_auth::Permission;
use usher_gateway::graphql::{Kind, operations, sdl};

#[test]
fn the_committed_schema_is_fresh() {
    let committed = include_str!("../../schema.graphql");
    assert!(
        committed == sdl(),
        "gateway/schema.graphql is stale: run `make schema`"
    );
}

#[test]
fn the_reference_is_fresh() {
    let page = Command::new(env!("CARGO_BIN_EXE_usher-schema"))
        .arg("reference")
        .output()
        .unwrap();
    assert!(page.status.success());
    assert!(
        page.stdout == include_bytes!("../../../docs/reference.md"),
        "docs/reference.md is stale: run `make schema`"
    );
}

/// The sentences of a description that say who may.
fn needs(description: &str) -> Vec<String> {
    let words = description.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentences = words
        .split_inclusive(['.', ';'])
        .fold(vec![String::new()], |mut all, part| {
            let last = all.last_mut().unwrap();
            last.push_str(part);
            // a dot within `contacts.read` ends nothing
            if last.matches('`').count().is_multiple_of(2) {
                all.push(String::new());
            }
            all
        });
    let trimmed = sentences.iter().map(|sentence| sentence.trim().to_owned());
    trimmed
        .filter(|sentence| sentence.starts_with("Needs ") || sentence.starts_with("Public"))
        .collect()
}

#[test]
fn every_operation_says_which_permission_it_needs() {
    let mut wrong = Vec::new();
    for definition in parse_schema(sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let name = definition.node.name.node.to_string();
        let (true, TypeKind::Object(object)) = (
            ["Query", "Mutation", "Subscription"].contains(&name.as_str()),
            definition.node.kind,
        ) else {
            continue;
        };
        for field in object.fields {
            let description = field.node.description.unwrap().node;
            let said = needs(&description);
            let [sentence] = said.as_slice() else {
                wrong.push(format!("{name}.{}: {said:?}", field.node.name.node));
                continue;
            };
            let named: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
            let known = named
                .iter()
                .filter(|word| word.contains('.'))
                .all(|word| Permission::from_name(word).is_some());
            let told = sentence.starts_with("Public")
                || sentence.contains("session")
                || named.iter().any(|word| word.contains('.'));
            if !known || !told {
                wrong.push(format!("{name}.{}: {sentence}", field.node.name.node));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn everything_in_the_schema_is_described() {
    let mut bare = Vec::new();
    for definition in parse_schema(sdl()).unwrap().definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let (definition, name) = (&definition.node, definition.node.name.node.to_string());
        let mut check = |described: bool, what: String| {
            if !described {
                bare.push(what);
            }
        };
        check(definition.description.is_some(), name.clone());
        let arguments =
            |arguments: &[async_graphql::Positioned<InputValueDefinition>], of: String| -> Vec<String> {
                let bare = arguments
                    .iter()
                    .filter(|argument| argument.node.description.is_none());
                bare.map(|argument| format!("{of}({})", argument.node.name.node))
                    .collect()
            };
        match &definition.kind {
            TypeKind::Object(object) => {
                for field in &object.fields {
                    let path = format!("{name}.{}", field.node.name.node);
                    check(field.node.description.is_some(), path.clone());
                    arguments(&field.node.arguments, path)
                        .into_iter()
                        .for_each(|bare| check(false, bare));
                }
            }
            TypeKind::Interface(interface) => {
                for field in &interface.fields {
                    check(
                        field.node.description.is_some(),
                        format!("{name}.{}", field.node.name.node),
                    );
                }
            }
            TypeKind::InputObject(input) => {
                arguments(&input.fields, name)
                    .into_iter()
                    .for_each(|bare| check(false, bare));
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    check(
                        value.node.description.is_some(),
                        format!("{name}.{}", value.node.value.node),
                    );
                }
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

/// Whether a reason says what to use instead and the day after which there is nothing else, as docs/graphql.md promises.
fn is_announcement(directive: &str) -> bool {
    let reason = directive
        .strip_prefix("(reason: \"Use ")
        .and_then(|rest| rest.split_once("\")"));
    let told = reason.and_then(|(reason, _)| reason.split_once(". Removed after "));
    told.is_some_and(|(instead, day)| {
        let day = day.strip_suffix('.').unwrap_or_default();
        let is_day = day.len() == 10 && day.parse::<NaiveDate>().is_ok();
        !instead.is_empty() && is_day
    })
}

#[test]
fn whatever_is_deprecated_names_what_to_use_instead_and_its_last_day() {
    for (directive, holds) in [
        (r#"(reason: "Use nodes. Removed after 2027-06-30.")"#, true),
        (r#"(reason: "Use nodes.")"#, false),
        (r#"(reason: "Use nodes. Removed after 2027-06-31.")"#, false),
        (r#"(reason: "Removed after 2027-06-30.")"#, false),
        ("\n", false),
    ] {
        assert_eq!(is_announcement(directive), holds, "{directive}");
    }
    let sdl = sdl();
    let wrong = sdl
        .split("@deprecated")
        .skip(1)
        .filter(|rest| !is_announcement(rest));
    let wrong: Vec<&str> = wrong
        .map(|rest| rest.lines().next().unwrap_or_default())
        .collect();
    assert_eq!(wrong, Vec::<&str>::new());
}

#[test]
fn every_operation_is_known() {
    let found = operations();
    let of = |kind| {
        found
            .iter()
            .filter(|found| found.kind == kind)
            .map(|found| found.name.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(Kind::Query),
        [
            "viewer",
            "organization",
            "node",
            "nodes",
            "contact",
            "contacts",
            "account",
            "accounts",
            "invitationPreview",
            "portalTogglesPreview",
            "segment",
            "segments",
            "invitationBatch",
            "invitationBatches",
            "explainAccess",
            "invitationFunnel",
            "invitationLanding",
            "members",
            "sessions",
            "serviceAccounts",
            "memberRoles",
            "deadLetters"
        ]
    );
    assert_eq!(
        of(Kind::Mutation),
        [
            "signIn",
            "beginProviderSignIn",
            "finishProviderSignIn",
            "refreshSession",
            "signOut",
            "endSession",
            "endOtherSessions",
            "impersonateContact",
            "acceptInvitation",
            "confirmEmailChange",
            "requestPasswordReset",
            "resetPassword",
            "sendPasswordReset",
            "requestNewLink",
            "declineInvitation",
            "createContact",
            "createTestClient",
            "updateContact",
            "setContactActive",
            "createAccount",
            "updateAccount",
            "linkContact",
            "unlinkContact",
            "createSegment",
            "updateSegment",
            "deleteSegment",
            "updateOrganization",
            "setPortalToggles",
            "sendInvitations",
            "resendInvitations",
            "cancelInvitations",
            "cancelBatch",
            "pauseBatch",
            "resumeBatch",
            "inviteMember",
            "updateMember",
            "setMemberActive",
            "resendMemberInvitation",
            "cancelMemberInvitation",
            "createServiceAccount",
            "updateServiceAccount",
            "setServiceAccountActive",
            "rotateServiceAccountSecret",
            "replayDeadLetters"
        ]
    );
    assert_eq!(of(Kind::Subscription), ["invitationBatch"]);
}
