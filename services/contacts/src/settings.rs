//! The table `[inbound]`: whom we listen to, and for which organization (E2).

use std::collections::BTreeMap;

use usher_service::{Settings, StartError};

/// The table as it is written.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Inbound {
    publishers: String,
    may_readdress: String,
}

/// A broker's user who publishes what we take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publisher {
    /// The organization's slug.
    pub(crate) organization: String,
    /// Whether the address of somebody who was invited may be changed (I6).
    pub(crate) may_readdress: bool,
}

/// Those who are listened to, by the names of their broker users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publishers(BTreeMap<String, Publisher>);

impl Publishers {
    /// From the settings.
    ///
    /// # Errors
    /// [`StartError::Settings`] where the table `[inbound]` is wrong.
    pub fn of(settings: &Settings) -> Result<Self, StartError> {
        let table: Inbound = settings.section("inbound")?;
        Self::parse(&table.publishers, &table.may_readdress)
            .map_err(|reason| StartError::settings(format!("[inbound]: {reason}")))
    }

    /// From lists of `user:slug` and of users, with commas between them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(publishers: &str, may_readdress: &str) -> Result<Self, String> {
        let mut all = BTreeMap::new();
        for pair in parts(publishers) {
            // A slug has no colon; a user may.
            let (user, slug) = pair
                .rsplit_once(':')
                .filter(|(user, slug)| !user.is_empty() && !slug.is_empty())
                .ok_or_else(|| format!("publishers is a list of user:slug, and {pair} is none"))?;
            let publisher = Publisher {
                organization: slug.to_owned(),
                may_readdress: false,
            };
            if all.insert(user.to_owned(), publisher).is_some() {
                return Err(format!("publishers names {user} twice"));
            }
        }
        for user in parts(may_readdress) {
            let publisher = all
                .get_mut(user)
                .ok_or_else(|| format!("may_readdress names {user}, who is not among the publishers"))?;
            publisher.may_readdress = true;
        }
        Ok(Self(all))
    }

    pub(crate) fn get(&self, user: &str) -> Option<&Publisher> {
        self.0.get(user)
    }
}

fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e2_publishers_speak_for_the_organization_of_the_settings() {
        let publishers = Publishers::parse("crm:firm, urn:erp:other ,", "crm").unwrap();
        let of = |user| {
            publishers
                .get(user)
                .map(|found| (found.organization.as_str(), found.may_readdress))
        };
        assert_eq!(of("crm"), Some(("firm", true)));
        assert_eq!(of("urn:erp"), Some(("other", false)));
        assert_eq!(of("guest"), None);
        assert_eq!(Publishers::parse("", ""), Ok(Publishers::default()));
    }

    #[test]
    fn r5_wrong_lists_of_publishers_are_refused() {
        for (publishers, may_readdress, reason) in [
            ("crm", "", "publishers is a list of user:slug, and crm is none"),
            ("crm:", "", "publishers is a list of user:slug, and crm: is none"),
            ("crm:a,crm:b", "", "publishers names crm twice"),
            (
                "crm:a",
                "erp",
                "may_readdress names erp, who is not among the publishers",
            ),
        ] {
            assert_eq!(Publishers::parse(publishers, may_readdress).unwrap_err(), reason);
        }
    }
}
