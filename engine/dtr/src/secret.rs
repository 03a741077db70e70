//! Secrets, and how they are kept out of whatever is shown or stored.

use zeroize::Zeroizing;

/// What a secret is replaced with.
const MASK: &str = "***";

/// A text that nobody but its recipient may see. Has no `Debug`, and is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Replaces secrets in text.
#[derive(Clone, Default)]
pub struct Masks(Vec<Secret>);

impl Masks {
    /// Takes in a secret, with the forms in which programs show such a thing: as it is, quoted as in Go and
    /// JSON, encoded as in a URL.
    pub fn add(&mut self, secret: &Secret) {
        let plain = secret.expose();
        let quoted = Zeroizing::new(serde_json::to_string(plain).unwrap_or_default());
        let quoted = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
        let encoded: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
        let percent = encoded.replace('+', "%20");
        for form in [plain, quoted, &encoded, &percent] {
            if !form.is_empty() && !self.0.iter().any(|known| known.expose() == form) {
                self.0.push(Secret::new(form.to_owned()));
            }
        }
        // What holds another is replaced before it.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.expose().len()));
    }

    /// The text without them.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), MASK))
    }

    /// Bytes of the longest of them.
    pub(crate) fn longest(&self) -> usize {
        self.0.iter().map(|secret| secret.expose().len()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_whatever_form() {
        let mut masks = Masks::default();
        masks.add(&Secret::new("a \"b\"/c+d".to_owned()));
        masks.add(&Secret::new("a".to_owned()));
        for shown in [
            r#"with a "b"/c+d."#,
            r#"with a \"b\"/c+d."#,
            "with a+%22b%22%2Fc%2Bd.",
            "with a%20%22b%22%2Fc%2Bd.",
        ] {
            assert_eq!(masks.mask(shown), "with ***.", "{shown}");
        }
        assert_eq!(Masks::default().mask("as it is"), "as it is");
    }
}
