//! The environment as a value, so that everything which depends on it can be tested.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{CliError, Result};

/// Names of our own variables begin so.
const OURS: &str = "DTRVAULT_";

/// Variables of the environment.
#[derive(Clone, Default)]
pub(crate) struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process.
    ///
    /// # Errors
    /// [`CliError::Usage`] for a variable of ours that is no UTF-8.
    pub(crate) fn of_process() -> Result<Self> {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(variables.insert(name, value)),
                Err(_) if name.starts_with(OURS) => {
                    return Err(CliError::usage(format!("{name} is no UTF-8"), "write it in UTF-8"));
                }
                Err(_) => {}
            }
        }
        Ok(Self(variables))
    }

    /// The value of a variable; one that is empty counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable, be it empty.
    pub(crate) fn get_even_empty(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a variable has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A folder of the XDG base directories, or its default below the home folder.
    pub(crate) fn xdg(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        // The specification: relative paths are to be ignored.
        let set = self.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        set.or_else(|| Some(self.home()?.join(below_home)))
    }

    /// The home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
