//! Passwords that everybody uses, and those put together from them by rule.

/// Lower-case, one a line, sorted by bytes; see `assets/README.md`.
const LIST: &str = include_str!("../../../assets/common-passwords.txt");

/// Rows of keyboards, the alphabet and the digits, along which fingers run.
const RUNS: [&str; 16] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "qsdfghjklm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qazxsw23edcvfr45tgbnhy67ujmki89olp",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6y7u8i9o0p",
    "1a2b3c4d5e6f7g8h9i",
    "147258369",
    "789456123",
];
/// So many letters in a row are a run rather than a word's accident.
const RUN: usize = 4;
/// What may be left besides common parts before a password counts as one's own: a letter weighs two, a digit one.
const OWN: usize = 10;

/// Whether a folded password is common, or is made of common parts with hardly anything of one's own.
pub(super) fn is_common(folded: &str) -> bool {
    let joined: String = folded
        .chars()
        .map(letter_of_sign)
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    // an unusual alphabet has no list, but repeats all the same
    is_listed(folded)
        || is_listed(&joined)
        || distinct(folded) < 4
        || is_periodic(folded)
        || is_periodic(&joined)
        || (joined.chars().count() * 2 >= folded.chars().count() && is_composed(&joined))
}

const fn letter_of_sign(letter: char) -> char {
    match letter {
        '@' => 'a',
        '$' => 's',
        other => other,
    }
}

fn distinct(text: &str) -> usize {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    letters.len()
}

/// One piece again and again, the last time perhaps cut.
fn is_periodic(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=letters.len() / 3)
        .any(|period| !letters.is_empty() && letters.iter().zip(&letters[period..]).all(|(a, b)| a == b))
        || (letters.len() >= 2
            && letters.len().is_multiple_of(2)
            && letters[..letters.len() / 2] == letters[letters.len() / 2..]
            && is_listed(&text[..text.len() / 2]))
}

/// Whether runs, repeats and one listed password, however often, fill all but a few letters. Two different words that happen
/// to be somebody's passwords make a phrase of one's own.
fn is_composed(joined: &str) -> bool {
    let letters: Vec<char> = joined.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut own = 0;
    let mut at = 0;
    while at < letters.len() {
        let (length, from_list) = common_part(&letters[at..]);
        if length == 0 {
            own += if letters[at].is_numeric() { 1 } else { 2 };
            at += 1;
            continue;
        }
        let word: String = letters[at..at + length]
            .iter()
            .filter(|letter| !letter.is_numeric())
            .collect();
        if from_list && !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
        at += length;
    }
    own < OWN && words.len() < 2
}

/// The longest run, repeat or listed password at the start, and whether it is from the list.
fn common_part(letters: &[char]) -> (usize, bool) {
    let run = run_length(letters)
        .max(repeat_length(letters))
        .max(year_length(letters));
    let longest = (6..=letters.len().min(24)).rev().find(|&length| {
        let piece: String = letters[..length].iter().collect();
        is_listed(&piece) || is_listed(&unleet(&piece))
    });
    match longest {
        Some(length) if length > run => (length, true),
        _ => (run, false),
    }
}

/// The years that people put behind a word.
fn year_length(letters: &[char]) -> usize {
    match letters {
        ['1', '9', a, b, ..] | ['2', '0', a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit() => 4,
        _ => 0,
    }
}

fn repeat_length(letters: &[char]) -> usize {
    let same = letters
        .iter()
        .take_while(|&&letter| Some(&letter) == letters.first());
    match same.count() {
        length if length >= 3 => length,
        _ => 0,
    }
}

fn run_length(letters: &[char]) -> usize {
    let longest = |row: &str| {
        let forwards: Vec<char> = row.chars().collect();
        let backwards: Vec<char> = row.chars().rev().collect();
        [forwards, backwards]
            .iter()
            .flat_map(|row| (0..row.len()).map(|start| shared(letters, &row[start..])))
            .max()
            .unwrap_or(0)
    };
    let length = RUNS.iter().map(|row| longest(row)).max().unwrap_or(0);
    if length >= RUN { length } else { 0 }
}

fn shared(a: &[char], b: &[char]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Undoes the usual substitutions.
fn unleet(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '0' => 'o',
            '1' => 'i',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '7' => 't',
            other => other,
        })
        .collect()
}

/// Halves the list until the line is found; it costs no memory of its own.
fn is_listed(password: &str) -> bool {
    let (mut low, mut high) = (0, LIST.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let start = LIST.as_bytes()[..middle]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let end = LIST.as_bytes()[middle..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(LIST.len(), |at| middle + at);
        match LIST.as_bytes()[start..end].cmp(password.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_thousands_of_the_list_are_long_enough_to_be_chosen() {
        let long = || LIST.lines().filter(|line| line.chars().count() >= 15);
        assert!(long().count() >= 9_700, "{}", long().count());
        for line in long() {
            assert!(is_common(&usher_types::fold(line)), "{line}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_found_and_nothing_else() {
        assert!(LIST.lines().count() > 60_000);
        for (index, line) in LIST.lines().enumerate() {
            assert!(is_listed(line), "line {index}");
        }
        for other in ["", "0", "zyx-nowhere-near-the-end", "kestrel-orchid!"] {
            assert!(!is_listed(other), "{other}");
        }
    }
}
