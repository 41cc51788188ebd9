//! What a claim of an identity provider is worth here (I15).

use usher_auth::{Permission, PermissionSet, Role};

/// The value that everybody has whom the provider signs in.
const EVERYBODY: &str = "*";

/// Which value of a claim gives which permissions.
#[derive(Clone, Debug, Default)]
pub struct Mapping(Vec<(String, PermissionSet)>);

impl Mapping {
    /// From values and what each gives.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = (String, PermissionSet)>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// What somebody with these values may do: everything that one of them gives. None for whom no rule is.
    #[must_use]
    pub fn permissions(&self, values: &[&str]) -> Option<PermissionSet> {
        self.0
            .iter()
            .filter(|(value, _)| value == EVERYBODY || values.contains(&value.as_str()))
            .map(|(_, permissions)| *permissions)
            .reduce(PermissionSet::with)
    }
}

/// What a rule gives: a role, or names of permissions with spaces between them.
#[must_use]
pub fn read_gives(text: &str) -> Option<PermissionSet> {
    if let Some(role) = Role::from_name(text) {
        return Some(role.permissions());
    }
    let named: Option<PermissionSet> = text.split_ascii_whitespace().map(Permission::from_name).collect();
    named.filter(|permissions| !permissions.is_empty())
}

/// The role that bundles exactly these.
#[must_use]
pub fn role_of(permissions: PermissionSet) -> Option<Role> {
    Role::ALL
        .into_iter()
        .find(|role| role.permissions() == permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i15_claims_give_what_the_rules_say_together_and_nothing_else() {
        let mapping = Mapping::new([
            ("staff".to_owned(), Role::Staff.permissions()),
            (
                "mailers".to_owned(),
                read_gives("portal.invite email.bulk").unwrap(),
            ),
        ]);
        assert_eq!(mapping.permissions(&[]), None);
        assert_eq!(mapping.permissions(&["Staff", "*", ""]), None);
        assert_eq!(
            mapping.permissions(&["other", "staff"]),
            Some(Role::Staff.permissions())
        );
        let both = mapping.permissions(&["staff", "mailers"]).unwrap();
        assert_eq!(
            both.names(),
            ["contacts.read", "contacts.write", "portal.invite", "email.bulk"]
        );
        let everybody = Mapping::new([("*".to_owned(), Role::ReadOnly.permissions())]);
        assert_eq!(everybody.permissions(&[]), Some(Role::ReadOnly.permissions()));
    }

    #[test]
    fn r5_a_rule_gives_a_role_or_permissions() {
        assert_eq!(read_gives("ADMINISTRATOR"), Some(PermissionSet::all()));
        assert_eq!(read_gives("contacts.read").unwrap().names(), ["contacts.read"]);
        for wrong in [
            "",
            " ",
            "OWNER",
            "contacts.read contacts.delete",
            "STAFF contacts.read",
        ] {
            assert_eq!(read_gives(wrong), None, "{wrong}");
        }
        assert_eq!(role_of(Role::Staff.permissions()), Some(Role::Staff));
        assert_eq!(role_of(PermissionSet::NONE), None);
    }
}
