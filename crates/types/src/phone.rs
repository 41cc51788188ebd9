//! Phone numbers are stored as E.164 (C2).

/// The text is no phone number that could be called from anywhere.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("write the phone number with its country code, such as +44 20 7946 0018")]
pub struct InvalidPhone;

/// The E.164 form of a number that was written with its country code.
///
/// # Errors
/// Refuses what is not a possible number of any country.
pub fn parse_phone(text: &str) -> Result<String, InvalidPhone> {
    let number = phonenumber::parse(None, text.trim()).map_err(|_| InvalidPhone)?;
    if !phonenumber::is_valid(&number) {
        return Err(InvalidPhone);
    }
    Ok(number.format().mode(phonenumber::Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_phone_is_stored_as_e164() {
        assert_eq!(parse_phone(" +44 20 7946 0018 "), Ok("+442079460018".to_owned()));
        assert_eq!(parse_phone("+1 (650) 253-0000"), Ok("+16502530000".to_owned()));
        assert_eq!(parse_phone("020 7946"), Err(InvalidPhone));
        assert_eq!(parse_phone("call me"), Err(InvalidPhone));
    }
}
