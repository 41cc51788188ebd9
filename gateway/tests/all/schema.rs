//! The committed schema.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{InputValueDefinition, TypeKind, TypeSystemDefinition};
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
