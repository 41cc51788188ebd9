//! Kinds of accounts, and how many contacts they have (C5).

use usher_proto::bytes_of;
use usher_proto::contacts::v1::{
    AccountLink, BatchGetRequest, ContactLink, CreateAccountRequest, CreateContactRequest,
    LinkContactRequest, UnlinkContactRequest, UpdateAccountRequest,
};
use usher_types::{AccountKind, Clock, ContactId};

use crate::accounts::primary;
use crate::bench::{Bench, account_refusals, client, codes, contact_id, lead, place, refused, to_account};
use crate::fixtures::Sketch;

fn joint(name: &str, contacts: Vec<ContactLink>) -> CreateAccountRequest {
    CreateAccountRequest {
        name: name.into(),
        kind: "JOINT".into(),
        tags: vec![],
        contacts,
    }
}

usher_testkit::dialects! {
    async fn c5_accounts_are_of_every_kind(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "Lovelace", "ida@example.com")).await;
        for kind in AccountKind::ALL {
            let request = CreateAccountRequest { kind: kind.as_str().into(), ..joint("Any", vec![primary(&ada), place(&ida)]) };
            let reply = bench.member().create_account(request).await.unwrap().into_inner();
            let account = reply.account.unwrap();
            assert_eq!((account.kind.as_str(), account.version), (kind.as_str(), 1));
            assert_eq!(bench.links(&account).await.len(), 2, "{kind}");
        }
        let unknown = CreateAccountRequest { kind: "CASTLE".into(), ..joint("Any", vec![]) };
        assert_eq!(bench.member().create_account(unknown).await.unwrap_err().code(), tonic::Code::InvalidArgument);
    }

    async fn c5_a_joint_account_needs_two_different_contacts_one_of_them_primary(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "Lovelace", "ida@example.com")).await;
        let mut member = bench.member();
        let refused = codes(&[("JOINT_NEEDS_TWO_CONTACTS", "contacts")]);
        for contacts in [vec![], vec![primary(&ada)], vec![primary(&ada), place(&ada)], vec![place(&ada), place(&ida)]] {
            let reply = member.create_account(joint("Both", contacts)).await.unwrap().into_inner();
            assert_eq!(account_refusals(&reply), refused);
        }
        let reply = member.create_account(joint("Both", vec![primary(&ada), place(&ida)])).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        let account = reply.account.unwrap();
        let unlink = UnlinkContactRequest { account_id: account.id.clone(), contact_id: ida.id.clone() };
        let reply = member.unlink_contact(unlink).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("JOINT_NEEDS_TWO_CONTACTS", "contactId")]));
        assert_eq!(bench.links(&account).await.len(), 2);
        let single = bench.account("One", vec![primary(&ada)]).await;
        let to_joint = UpdateAccountRequest { id: single.id, kind: Some("JOINT".into()), ..Default::default() };
        let reply = member.update_account(to_joint).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("JOINT_NEEDS_TWO_CONTACTS", "kind")]));
    }

    async fn c5_a_joint_account_of_two_loses_neither_the_primary_nor_the_other(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "Lovelace", "ida@example.com")).await;
        let request = joint("Both", vec![primary(&ada), place(&ida)]);
        let account = bench.member().create_account(request).await.unwrap().into_inner().account.unwrap();
        let before = (bench.links(&account).await, bench.activity().await, bench.published().await.len());
        for contact in [&ada, &ida] {
            let unlink = UnlinkContactRequest { account_id: account.id.clone(), contact_id: contact.id.clone() };
            let reply = bench.member().unlink_contact(unlink).await.unwrap().into_inner();
            assert_eq!(account_refusals(&reply), codes(&[("JOINT_NEEDS_TWO_CONTACTS", "contactId")]));
        }
        assert_eq!((bench.links(&account).await, bench.activity().await, bench.published().await.len()), before);
        // Whoever comes in as the primary one takes the place, however they come in.
        let link = AccountLink { primary: Some(true), ..to_account(&account) };
        let request = CreateContactRequest { accounts: vec![link], ..client("Eda", "Lovelace", "eda@example.com") };
        let eda = bench.create(request).await;
        let primaries = async || {
            let links = bench.links(&account).await.into_iter().filter(|link| link.primary);
            links.map(|link| link.contact_id).collect::<Vec<_>>()
        };
        assert_eq!(primaries().await, std::slice::from_ref(&eda.id));
        // Now any one of the three may leave.
        let unlink = UnlinkContactRequest { account_id: account.id.clone(), contact_id: eda.id };
        assert_eq!(bench.member().unlink_contact(unlink).await.unwrap().into_inner().refusals, []);
        assert_eq!(primaries().await.len(), 1);
        // Another kind has no such needs.
        let company = UpdateAccountRequest { id: account.id.clone(), kind: Some("COMPANY".into()), ..Default::default() };
        assert_eq!(bench.member().update_account(company).await.unwrap().into_inner().refusals, []);
        for contact in [ada, ida] {
            let unlink = UnlinkContactRequest { account_id: account.id.clone(), contact_id: contact.id };
            assert_eq!(bench.member().unlink_contact(unlink).await.unwrap().into_inner().refusals, []);
        }
    }

    async fn c5_the_oldest_follows_the_primary_contact_of_a_joint_account(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "Lovelace", "ida@example.com")).await;
        let eda = bench.create(client("Eda", "Lovelace", "eda@example.com")).await;
        let request = joint("Both", vec![primary(&ada), place(&ida)]);
        let account = bench.member().create_account(request).await.unwrap().into_inner().account.unwrap();
        bench.clock.advance(chrono::TimeDelta::seconds(1));
        let third = LinkContactRequest { account_id: account.id.clone(), contact: Some(place(&eda)) };
        assert_eq!(bench.member().link_contact(third).await.unwrap().into_inner().refusals, []);
        let unlink = UnlinkContactRequest { account_id: account.id.clone(), contact_id: ada.id };
        assert_eq!(bench.member().unlink_contact(unlink).await.unwrap().into_inner().refusals, []);
        let mut told: Vec<_> = bench.links(&account).await.into_iter().map(|link| (link.contact_id, link.primary)).collect();
        told.sort();
        let mut expected = vec![(ida.id, true), (eda.id, false)];
        expected.sort();
        assert_eq!(told, expected);
    }

    async fn c5_a_contact_has_a_hundred_accounts_at_most(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let company = |number: usize| AccountLink { new_company: Some(format!("C{number:03}")), ..Default::default() };
        let ada = bench.create(CreateContactRequest { accounts: (0..100).map(company).collect(), ..lead("Ada", "L") }).await;
        let ids = BatchGetRequest { ids: vec![ada.id.clone()] };
        assert_eq!(bench.member().links_of_contacts(ids).await.unwrap().into_inner().links.len(), 100);
        let account = bench.account("One more", vec![]).await;
        let link = LinkContactRequest { account_id: account.id.clone(), contact: Some(place(&ada)) };
        let reply = bench.member().link_contact(link).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("TOO_MANY", "contact.contactId")]));
        let create = CreateAccountRequest { name: "One more".into(), kind: "LLC".into(), tags: vec![], contacts: vec![place(&ada)] };
        let reply = bench.member().create_account(create).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("TOO_MANY", "contacts.0.contactId")]));
        let too_many = CreateContactRequest { accounts: (0..101).map(company).collect(), ..lead("Ida", "L") };
        let reply = bench.member().create_contact(too_many).await.unwrap().into_inner();
        assert_eq!(refused(&reply.refusals), codes(&[("TOO_LONG", "accounts")]));
    }

    async fn c5_an_account_has_five_hundred_contacts_at_most(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let sketch = |number: usize| Sketch {
            id: ContactId::new(bench.clock.now()),
            first_name: format!("N{number:03}"),
            last_name: "L".into(),
        };
        let crowd: Vec<Sketch> = (0..500).map(sketch).collect();
        bench.mass(&crowd).await;
        let members = crowd.iter().map(|sketch| ContactLink { contact_id: bytes_of(sketch.id), ..Default::default() });
        let account = bench.account("Full", members.collect()).await;
        assert_eq!(bench.links(&account).await.len(), 500);
        let ada = bench.create(lead("Ada", "L")).await;
        let link = LinkContactRequest { account_id: account.id.clone(), contact: Some(place(&ada)) };
        let reply = bench.member().link_contact(link).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("TOO_MANY", "accountId")]));
        let request = CreateContactRequest { accounts: vec![to_account(&account)], ..lead("Ida", "L") };
        let reply = bench.member().create_contact(request).await.unwrap().into_inner();
        assert_eq!(refused(&reply.refusals), codes(&[("INVALID", "accounts.0.accountId")]));
        assert_eq!(bench.links(&account).await.len(), 500);
        assert_eq!(bench.get(contact_id(&ada)).await.version, 1);
    }
}
