//! Contacts that members make for themselves, to see what clients see (I19).

use usher_types::EmailAddress;

/// Test clients that one member can have at a time.
pub(crate) const MOST: usize = 20;

/// The addresses that a member's test clients may have, in the order in which they are used: `name+client@firm.example`,
/// `name+client2@…`. Fewer, or none, where the local part would become too long for an address.
pub(crate) fn addresses(member: &EmailAddress) -> Vec<EmailAddress> {
    let Some((local, domain)) = member.typed().rsplit_once('@') else {
        return Vec::new();
    };
    let numbered = (1..=MOST).map(|number| match number {
        1 => format!("{local}+client@{domain}"),
        more => format!("{local}+client{more}@{domain}"),
    });
    numbered
        .filter_map(|address| EmailAddress::parse(&address).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(member: &str) -> Vec<String> {
        let all = addresses(&EmailAddress::parse(member).unwrap());
        all.iter().map(|address| address.typed().to_owned()).collect()
    }

    #[test]
    fn i19_test_clients_are_at_the_member_s_own_plus_addresses() {
        let all = of("Grace@Birch.example");
        assert_eq!(all.len(), MOST);
        assert_eq!(
            all[..2],
            ["Grace+client@Birch.example", "Grace+client2@Birch.example"]
        );
        assert_eq!(
            of("grace+work@birch.example")[0],
            "grace+work+client@birch.example"
        );
        // too long with it, but not without
        assert_eq!(
            of(&format!("{}@birch.example", "g".repeat(60))),
            Vec::<String>::new()
        );
    }
}
