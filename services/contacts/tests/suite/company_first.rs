//! Company-first mode (C7).

use chrono::TimeDelta;
use tonic::codegen::Bytes;
use usher_events::OrganizationChanged;
use usher_proto::contacts::v1::{
    Account, AccountLink, Contact, CreateAccountRequest, CreateContactRequest, CreateTestClientRequest,
    LinkContactRequest, UnlinkContactRequest, UpdateAccountRequest,
};

use crate::accounts::primary;
use crate::bench::{Bench, account_refusals, client, codes, contact_refusals, place, refused, to_account};

impl Bench {
    async fn goes_company_first(&self, version: i64) {
        let on = OrganizationChanged {
            company_first: true,
            ..self.settings(version)
        };
        self.hears(&[self.event(&on)]).await;
    }

    async fn primaries(&self, account: &Account) -> Vec<Bytes> {
        let links = self.links(account).await.into_iter();
        links
            .filter(|link| link.primary)
            .map(|link| link.contact_id)
            .collect()
    }

    /// A client of a company made on the spot.
    async fn of_company(&self, first_name: &str, company: &str) -> Contact {
        let request = CreateContactRequest {
            accounts: vec![new_company(company)],
            ..client(first_name, "L", &format!("{first_name}@example.com"))
        };
        self.create(request).await
    }

    async fn kind(&self, name: &str, kind: &str, contacts: &[&Contact]) -> Account {
        let request = CreateAccountRequest {
            name: name.into(),
            kind: kind.into(),
            tags: vec![],
            contacts: contacts.iter().map(|contact| place(contact)).collect(),
        };
        let reply = self.member().create_account(request).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        reply.account.unwrap()
    }

    /// The codes of the refusals to take this contact out of this account.
    async fn unlink(&self, account: &Account, contact: &Contact) -> Vec<(String, String)> {
        let request = UnlinkContactRequest {
            account_id: account.id.clone(),
            contact_id: contact.id.clone(),
        };
        refused(
            &self
                .member()
                .unlink_contact(request)
                .await
                .unwrap()
                .into_inner()
                .refusals,
        )
    }

    async fn becomes(&self, account: &Account, kind: &str) -> Vec<(String, String)> {
        let request = UpdateAccountRequest {
            id: account.id.clone(),
            kind: Some(kind.into()),
            ..Default::default()
        };
        refused(
            &self
                .member()
                .update_account(request)
                .await
                .unwrap()
                .into_inner()
                .refusals,
        )
    }

    async fn link(&self, account: &Account, contact: &Contact) {
        let request = LinkContactRequest {
            account_id: account.id.clone(),
            contact: Some(place(contact)),
        };
        assert_eq!(
            self.member()
                .link_contact(request)
                .await
                .unwrap()
                .into_inner()
                .refusals,
            []
        );
    }
}

fn new_company(name: &str) -> AccountLink {
    AccountLink {
        new_company: Some(name.into()),
        ..Default::default()
    }
}

usher_testkit::dialects! {
    async fn c7_switched_on_the_oldest_contact_of_each_company_becomes_its_primary_one(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut people = Vec::new();
        for name in ["Ada", "Bea", "Cleo"] {
            people.push(bench.create(client(name, "L", &format!("{name}@example.com"))).await);
            bench.clock.advance(TimeDelta::seconds(1));
        }
        let [ada, bea, cleo] = [&people[0], &people[1], &people[2]];
        // The youngest was linked first.
        let without = bench.kind("Without", "LLC", &[cleo]).await;
        bench.link(&without, bea).await;
        bench.link(&without, ada).await;
        let with = bench.account("With", vec![place(ada), primary(bea)]).await;
        let trust = bench.kind("Trust", "TRUST", &[ada]).await;
        let empty = bench.kind("Empty", "COMPANY", &[]).await;
        bench.goes_company_first(1).await;
        assert_eq!(bench.primaries(&without).await, std::slice::from_ref(&ada.id));
        assert_eq!(bench.primaries(&with).await, std::slice::from_ref(&bea.id));
        assert_eq!(bench.primaries(&trust).await, Vec::<Bytes>::new());
        assert_eq!(bench.primaries(&empty).await, Vec::<Bytes>::new());
        // Their owners expect the version that they see.
        let stale = UpdateAccountRequest { id: without.id.clone(), expected_version: Some(without.version + 2), name: Some("New".into()), ..Default::default() };
        let reply = bench.member().update_account(stale).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("CONFLICT", "expectedVersion")]));
        // Nothing of another organization.
        bench.goes_company_first(2).await;
        assert_eq!(bench.primaries(&without).await, std::slice::from_ref(&ada.id));
    }

    async fn c7_every_new_contact_has_a_company(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let trust = bench.kind("Trust", "TRUST", &[]).await;
        let company = bench.kind("Birch", "CORPORATION", &[]).await;
        let ada = client("Ada", "L", "ada@example.com");
        let with = |accounts| CreateContactRequest { accounts, ..ada.clone() };
        let required = codes(&[("COMPANY_REQUIRED", "accounts")]);
        bench.goes_company_first(1).await;
        let before = bench.published().await.len();
        for accounts in [vec![], vec![to_account(&trust)]] {
            let reply = bench.member().create_contact(with(accounts)).await.unwrap().into_inner();
            assert_eq!(contact_refusals(&reply), required);
        }
        assert_eq!(bench.published().await.len(), before);
        // Whoever comes first is the primary one, also where they are not meant to be.
        let first = bench.create(with(vec![to_account(&company), to_account(&trust)])).await;
        assert_eq!(bench.primaries(&company).await, std::slice::from_ref(&first.id));
        assert_eq!(bench.primaries(&trust).await, Vec::<Bytes>::new());
        let second = AccountLink { primary: Some(false), ..new_company("Cedar") };
        let eda = bench.create(CreateContactRequest { accounts: vec![second], ..client("Eda", "L", "eda@example.com") }).await;
        let links = bench.member().links_of_contacts(usher_proto::contacts::v1::BatchGetRequest { ids: vec![eda.id] }).await.unwrap().into_inner().links;
        assert_eq!(links.iter().map(|link| link.primary).collect::<Vec<_>>(), [true]);
        // A test client belongs to nobody.
        let request = CreateTestClientRequest { email: "grace@birch.example".into(), name: "Grace".into() };
        assert_eq!(bench.member().create_test_client(request).await.unwrap().into_inner().refusals, []);
        // Switched off, nobody needs one.
        bench.hears(&[bench.event(&bench.settings(2))]).await;
        bench.create(client("Ida", "L", "ida@example.com")).await;
    }

    async fn c7_a_company_keeps_a_primary_contact_and_a_contact_a_company(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.goes_company_first(1).await;
        let ada = bench.of_company("Ada", "Birch").await;
        bench.clock.advance(TimeDelta::seconds(1));
        let bea = bench.of_company("Bea", "Cedar").await;
        let shared = bench.kind("Shared", "COMPANY", &[&bea, &ada]).await;
        assert_eq!(bench.primaries(&shared).await, std::slice::from_ref(&ada.id));
        // It can be changed, and never goes.
        let change = bench.kind("Moving", "PARTNERSHIP", &[&ada]).await;
        let link = LinkContactRequest { account_id: change.id.clone(), contact: Some(primary(&bea)) };
        bench.member().link_contact(link).await.unwrap();
        assert_eq!(bench.primaries(&change).await, std::slice::from_ref(&bea.id));
        assert_eq!(bench.unlink(&change, &bea).await, []);
        assert_eq!(bench.primaries(&change).await, std::slice::from_ref(&ada.id));
        // The last company stays, by whichever way it would go.
        let cleo = bench.of_company("Cleo", "Douglas").await;
        let links = usher_proto::contacts::v1::BatchGetRequest { ids: vec![cleo.id.clone()] };
        let link = bench.member().links_of_contacts(links).await.unwrap().into_inner().links.remove(0);
        let douglas = link.account.unwrap();
        let left_without = |field: &str| codes(&[("COMPANY_REQUIRED", field)]);
        assert_eq!(bench.unlink(&douglas, &cleo).await, left_without("contactId"));
        assert_eq!(bench.becomes(&douglas, "TRUST").await, left_without("kind"));
        assert_eq!(bench.becomes(&douglas, "LLC").await, []);
        let trust = bench.kind("Trust", "TRUST", &[&cleo]).await;
        assert_eq!(bench.primaries(&trust).await, Vec::<Bytes>::new());
        assert_eq!(bench.becomes(&trust, "COMPANY").await, []);
        assert_eq!(bench.primaries(&trust).await, std::slice::from_ref(&cleo.id));
        assert_eq!(bench.becomes(&douglas, "TRUST").await, []);
        assert_eq!(bench.unlink(&trust, &cleo).await, left_without("contactId"));
        assert_eq!(bench.unlink(&douglas, &cleo).await, []);
    }
}
