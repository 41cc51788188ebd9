//! What SPF, DKIM and DMARC records say, as far as a sender can get them wrong.

use super::report::Finding;

/// RFC 7208: who may send in the domain's name.
pub fn spf(domain: &str, texts: &[String]) -> Finding {
    let found: Vec<&str> = texts
        .iter()
        .map(|text| text.trim())
        .filter(|text| is_version(text, "v=spf1"))
        .collect();
    let record = match found.as_slice() {
        [] => {
            return Finding::failure(format!(
                "{domain} has none: publish a text record there that names your mail servers, such as \"v=spf1 mx -all\""
            ));
        }
        [record] => *record,
        several => {
            return Finding::failure(format!(
                "{domain} has {} records, and of several none counts: leave one",
                several.len()
            ));
        }
    };
    let terms = || record.split_ascii_whitespace().map(str::to_ascii_lowercase);
    if terms().any(|term| term == "all" || term == "+all") {
        Finding::failure(format!(
            "{domain} lets everybody send in its name ({record}): end the record with -all or ~all"
        ))
    } else if terms().any(|term| term == "-all" || term == "~all" || term.starts_with("redirect=")) {
        Finding::good(format!("{domain}: {record}"))
    } else {
        Finding::warning(format!(
            "{domain} says nothing of other servers ({record}): end the record with -all or ~all"
        ))
    }
}

/// RFC 6376: the key by which receivers verify signatures.
pub fn dkim(name: &str, texts: &[String]) -> Finding {
    let key = texts.iter().find_map(|text| tag(text, "p"));
    match key {
        None => Finding::failure(format!(
            "{name} has no key: publish the one that your mail server shows, or name its selector (--dkim-selector)"
        )),
        Some("") => Finding::failure(format!(
            "{name} says that its key is revoked: publish the one that your mail server signs with"
        )),
        Some(_) => Finding::good(format!("{name} has a key")),
    }
}

/// RFC 7489: what receivers do with mails that are neither. None where this name has no such record.
pub fn dmarc(name: &str, texts: &[String]) -> Option<Finding> {
    let found: Vec<&String> = texts
        .iter()
        .filter(|text| tag(text, "v").is_some_and(|version| version == "DMARC1"))
        .collect();
    let record = match found.as_slice() {
        [] => return None,
        [record] => *record,
        several => {
            return Some(Finding::failure(format!(
                "{name} has {} records, and of several none counts: leave one",
                several.len()
            )));
        }
    };
    let policy = tag(record, "p").unwrap_or_default().to_ascii_lowercase();
    Some(match policy.as_str() {
        "quarantine" | "reject" => Finding::good(format!("{name}: {record}")),
        "none" => Finding::warning(format!(
            "{name} asks receivers to let forgeries pass (p=none): go on to p=quarantine once the reports show none of yours"
        )),
        _ => Finding::failure(format!(
            "{name} names no policy ({record}): add p=quarantine, or p=none to begin with"
        )),
    })
}

/// What is said where neither the domain nor one above has a policy.
pub fn no_dmarc(domain: &str) -> Finding {
    Finding::failure(format!(
        "{domain} has none, and large providers refuse masses without: publish a text record at _dmarc.{domain}, \
         \"v=DMARC1; p=none\" to begin with"
    ))
}

/// The domain and those above it, but for the last label, which is nobody's.
pub fn domains_above(domain: &str) -> impl Iterator<Item = &str> {
    let above = std::iter::successors(Some(domain), |domain| {
        domain.split_once('.').map(|(_, above)| above)
    });
    above.filter(|domain| domain.contains('.'))
}

/// Whether a record begins with this version and nothing longer.
fn is_version(text: &str, version: &str) -> bool {
    let first = text.split_ascii_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case(version)
}

/// The value of one of the tags of a record, which are divided by semicolons.
fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';').find_map(|part| {
        let (tag, value) = part.split_once('=')?;
        (tag.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict::{self, Failure, Good, Warning};

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn spf_is_judged_as_receivers_do() {
        let table: [(&[&str], Verdict); 10] = [
            (&[], Failure),
            (&["google-site-verification=x"], Failure),
            (&["v=spf10 -all"], Failure),
            (&["v=spf1 mx -all"], Good),
            (&["other", "V=SPF1 include:mail.example ~ALL"], Good),
            (&["v=spf1 redirect=_spf.mail.example"], Good),
            (&["v=spf1 mx"], Warning),
            (&["v=spf1 mx ?all"], Warning),
            (&["v=spf1 mx +all"], Failure),
            (&["v=spf1 mx -all", "v=spf1 a -all"], Failure),
        ];
        for (found, verdict) in table {
            assert_eq!(spf("firm.example", &texts(found)).verdict, verdict, "{found:?}");
        }
        assert_eq!(
            spf("firm.example", &[]).text,
            "firm.example has none: publish a text record there that names your mail servers, such as \"v=spf1 mx -all\""
        );
    }

    #[test]
    fn dkim_needs_a_key_that_is_not_revoked() {
        let table: [(&[&str], Verdict); 4] = [
            (&[], Failure),
            (&["v=DKIM1; k=rsa; p="], Failure),
            (&["v=DKIM1; k=ed25519; p=MCow"], Good),
            (&["p = MCow"], Good),
        ];
        for (found, verdict) in table {
            let finding = dkim("s1._domainkey.firm.example", &texts(found));
            assert_eq!(finding.verdict, verdict, "{found:?}");
        }
    }

    #[test]
    fn dmarc_needs_one_record_with_a_policy() {
        let table: [(&[&str], Option<Verdict>); 7] = [
            (&[], None),
            (&["v=spf1 -all"], None),
            (&["v=DMARC1; p=reject; rua=mailto:x@firm.example"], Some(Good)),
            (&["v=DMARC1;p=Quarantine"], Some(Good)),
            (&["v=DMARC1; p=none"], Some(Warning)),
            (&["v=DMARC1; rua=mailto:x@firm.example"], Some(Failure)),
            (&["v=DMARC1; p=none", "v=DMARC1; p=reject"], Some(Failure)),
        ];
        for (found, verdict) in table {
            let finding = dmarc("_dmarc.firm.example", &texts(found));
            assert_eq!(finding.map(|finding| finding.verdict), verdict, "{found:?}");
        }
    }

    #[test]
    fn a_policy_is_looked_for_above_but_not_at_the_top() {
        let above: Vec<&str> = domains_above("portal.eu.firm.example").collect();
        assert_eq!(
            above,
            ["portal.eu.firm.example", "eu.firm.example", "firm.example"]
        );
    }
}
