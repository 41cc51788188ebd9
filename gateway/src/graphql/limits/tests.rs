//! What a document may be, on our own schema and on none.

use async_graphql::parser::parse_query;

use super::*;

const LIMITS: Limits = Limits {
    depth: 12,
    aliases: 30,
    root_fields: 20,
    cost: 5_000,
};

fn first(document: &ExecutableDocument) -> &OperationDefinition {
    let mut operations = document.operations.iter();
    &operations.next().unwrap().1.node
}

fn check(document: &str) -> Result<(), String> {
    let document = parse_query(document).unwrap();
    LIMITS
        .measure(&Shapes::default(), &document, first(&document), &Given::new())
        .map(drop)
}

fn nested(levels: usize) -> String {
    format!("{}id{}", "{a".repeat(levels - 1) + "{", "}".repeat(levels))
}

#[test]
fn depth_is_limited_and_introspection_apart() {
    assert_eq!(check(&nested(12)), Ok(()));
    assert_eq!(
        check(&nested(13)),
        Err("fields nest at most 12 levels deep".to_owned())
    );
    assert_eq!(check(&format!("{{ __schema {} }}", nested(20))), Ok(()));
    assert!(check(&format!("{{ __schema {} }}", nested(40))).is_err());
}

#[test]
fn aliases_and_root_fields_are_limited_through_fragments_too() {
    let aliased = |count: usize| (0..count).map(|n| format!("a{n}: id ")).collect::<String>();
    assert_eq!(check(&format!("{{ c {{ {} }} }}", aliased(30))), Ok(()));
    assert_eq!(
        check(&format!("{{ c {{ {} }} }}", aliased(31))),
        Err("at most 30 aliases".to_owned())
    );
    let spread = format!(
        "{{ ...F ...F }} fragment F on Query {{ {} }}",
        "viewer ".repeat(11)
    );
    assert_eq!(check(&spread), Err("at most 20 fields at the root".to_owned()));
}

#[test]
fn fragments_that_double_are_refused_at_once() {
    let mut document = "{ v { ...F0 } }".to_owned();
    for n in 0..20 {
        document.push_str(&format!(" fragment F{n} on T {{ ...F{0} ...F{0} }}", n + 1));
    }
    document.push_str(" fragment F20 on T { id }");
    assert_eq!(check(&document), Err(format!("at most {MOST_FIELDS} fields")));
}

#[test]
fn directives_are_limited_in_every_place_that_has_some() {
    let directives = |count: usize| "@a ".repeat(count);
    for place in [
        "{ id DIRECTIVES }",
        "{ ... DIRECTIVES { id } }",
        "{ ...F DIRECTIVES } fragment F on Query { id }",
        "{ id } fragment F on Query DIRECTIVES { id }",
        "query Q DIRECTIVES { id }",
        "query Q($a: Int DIRECTIVES) { id }",
        "query Q { id } query R DIRECTIVES { id }",
    ] {
        let with = |count: usize| check(&place.replace("DIRECTIVES", &directives(count)));
        assert_eq!(with(20), Ok(()), "{place}");
        assert_eq!(
            with(21),
            Err("at most 20 directives in one place".to_owned()),
            "{place}"
        );
    }
}

#[test]
fn fragments_are_limited_used_or_not() {
    let with = |count: usize| {
        let fragments = (0..count).map(|n| format!(" fragment F{n} on Query {{ id }}"));
        check(&format!("{{ id }}{}", fragments.collect::<String>()))
    };
    assert_eq!(with(50), Ok(()));
    assert_eq!(with(51), Err("at most 50 fragments".to_owned()));
}

#[test]
fn a_fragment_that_contains_itself_is_refused() {
    assert!(check("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }").is_err());
}

#[test]
fn fragments_that_spread_nothing_but_fragments_are_counted_too() {
    let mut document = "{ ...F0 }".to_owned();
    for n in 0..20 {
        document.push_str(&format!(" fragment F{n} on Query {{ ...F{0} ...F{0} }}", n + 1));
    }
    assert_eq!(check(&document), Err(format!("at most {MOST_FIELDS} fields")));
}

/// What this operation costs on our own schema.
fn cost(query: &str, given: &[(&str, Value)]) -> Result<u32, String> {
    let document = parse_query(query).unwrap();
    let given = given
        .iter()
        .map(|(name, value)| (Name::new(name), value.clone()))
        .collect();
    LIMITS.measure(
        &Shapes::new(&crate::graphql::sdl()),
        &document,
        first(&document),
        &given,
    )
}

#[test]
fn a_page_costs_its_length_times_its_fields_wherever_the_length_is_said() {
    let page = "{ contacts(first: 20) { nodes { id email } totalCount } }";
    // twenty times the list, its two fields and the total, and the page itself
    assert_eq!(cost(page, &[]), Ok(20 * 4 + 1));
    assert_eq!(
        cost("{ contacts { nodes { id email } totalCount } }", &[]),
        Ok(50 * 4 + 1)
    );
    assert_eq!(cost("{ contacts(last: 7) { totalCount } }", &[]), Ok(8));
    assert_eq!(cost("{ contacts(first: 99999) { totalCount } }", &[]), Ok(101));
    let asked = "query Q($n: Int = 3) { contacts(first: $n) { totalCount } }";
    assert_eq!(cost(asked, &[]), Ok(4));
    assert_eq!(cost(asked, &[("n", Value::from(30))]), Ok(31));
}

#[test]
fn lists_without_pages_cost_their_usual_length_and_nodes_their_number() {
    let below =
        "{ contact(id: \"x\") { ...C } } fragment C on Contact { accounts { account { contacts { id } } } }";
    assert_eq!(cost(below, &[]), Ok(2 + 4 * (2 + 10)));
    let nodes = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id ... on Contact { email } } }";
    assert_eq!(
        cost(nodes, &[("ids", Value::from(vec!["a", "b", "c"]))]),
        Ok(3 * 2 + 1)
    );
    let groups =
        "{ invitationPreview(contacts: {}) { ineligible { contacts(first: 100) { nodes { id } } } } }";
    assert_eq!(cost(groups, &[]), Ok(1 + 1 + 11 * (1 + 100 * 2)));
}

/// Lists whose items are values that lead nowhere: whatever their length, they are a part of one answer of a service.
const VALUES: [(&str, &str); 6] = [
    ("AccessExplanation", "findings"),
    ("InvitationFunnel", "weeks"),
    ("Query", "memberRoles"),
    ("Query", "sessions"),
    ("ReplayDeadLettersPayload", "deadLetters"),
    ("ServiceAccount", "secrets"),
];

/// Whether a list needs no length of its own: its page has one, it is measured by its argument, or it is a list of values.
fn is_exempt(of: &str, field: &str) -> bool {
    let in_a_page = of.ends_with("Connection") && matches!(field, "edges" | "nodes");
    let mistakes = of.ends_with("Payload") && field == "userErrors";
    in_a_page || mistakes || (of, field) == ("Query", "nodes") || VALUES.contains(&(of, field))
}

#[test]
fn every_list_of_objects_multiplies_what_is_below_it() {
    let sdl = crate::graphql::sdl();
    let shapes = Shapes::new(&sdl);
    let mut lists = shapes.lists_of_objects();
    lists.retain(|(of, field, shape)| !shape.is_page && !is_exempt(of, field));
    let mut uncounted: Vec<(&str, &str)> = lists.iter().map(|(of, field, _)| (*of, *field)).collect();
    let mut counted = LISTS.map(|(of, field, _)| (of, field));
    uncounted.sort_unstable();
    counted.sort_unstable();
    assert_eq!(uncounted, counted);
    let lead_somewhere = VALUES.iter().filter(|(of, field)| {
        let shape = shapes.field(of, field).unwrap();
        shapes.leads_to_a_list(named(&shape.ty))
    });
    assert_eq!(lead_somewhere.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
}

#[test]
fn each_change_costs_ten_points_and_its_answer() {
    let change = "mutation { a: signOut(input: {}) { userErrors { code } } b: signOut(input: {}) { userErrors { code } } }";
    assert_eq!(cost(change, &[]), Ok(2 * (10 + 2)));
}

#[test]
fn what_costs_too_much_is_told_its_cost() {
    let dear = "{ contacts(first: 100) { nodes { accounts { account { contacts { id } } } } } }";
    assert_eq!(
        cost(dear, &[]),
        Err(
            "the operation costs 5001 points, of at most 5000: ask for fewer fields or shorter pages"
                .to_owned()
        )
    );
}
