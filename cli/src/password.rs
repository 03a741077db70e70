//! Passwords: where they come from. Never the command line, where every process sees them.
//!
//! Looked for in this order: `--password-file`, `--password-command`, `DTRVAULT_PASSWORD`,
//! `DTRVAULT_PASSWORD_FILE`, `DTRVAULT_PASSWORD_COMMAND`, the profile, the terminal.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use zeroize::Zeroizing;

use crate::env::Env;
use crate::error::{CliError, Result};
use crate::settings::{Flags, Profile};
use crate::signals::PROMPTING;

/// Longest password, bytes; more is a mistaken file.
const MAX_PASSWORD_BYTES: u64 = 64 << 10;

/// A password. Overwritten when it is dropped.
pub(crate) type Password = Zeroizing<Vec<u8>>;

/// Where a password comes from.
#[derive(PartialEq, Eq)]
pub(crate) enum PasswordSource {
    /// A file.
    File(PathBuf),
    /// The output of a shell command.
    Command(String),
    /// The environment.
    Value(Password),
    /// The terminal, if there is one.
    Terminal,
}

impl fmt::Debug for PasswordSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Command(_) => f.write_str("Command"),
            Self::Value(_) => f.write_str("Value"),
            Self::Terminal => f.write_str("Terminal"),
        }
    }
}

impl PasswordSource {
    /// The source that the settings name.
    pub(crate) fn resolve(flags: &Flags, env: &Env, profile: &Profile) -> Self {
        let path = |text: &str| Self::File(PathBuf::from(text));
        let command = |text: &str| Self::Command(text.to_owned());
        None.or_else(|| flags.password_file.clone().map(Self::File))
            .or_else(|| flags.password_command.as_deref().map(command))
            .or_else(|| Self::of_variable(env, "DTRVAULT_PASSWORD"))
            .or_else(|| env.get("DTRVAULT_PASSWORD_FILE").map(path))
            .or_else(|| env.get("DTRVAULT_PASSWORD_COMMAND").map(command))
            .or_else(|| profile.password_file.clone().map(Self::File))
            .or_else(|| profile.password_command.as_deref().map(command))
            .unwrap_or(Self::Terminal)
    }

    /// The source of a new password for a key.
    pub(crate) fn resolve_new(file: Option<&Path>, env: &Env) -> Self {
        None.or_else(|| file.map(|path| Self::File(path.to_owned())))
            .or_else(|| Self::of_variable(env, "DTRVAULT_NEW_PASSWORD"))
            .or_else(|| env.get("DTRVAULT_NEW_PASSWORD_FILE").map(|path| Self::File(path.into())))
            .unwrap_or(Self::Terminal)
    }

    /// A variable that is set and empty is a mistake to be told, not a reason to look elsewhere.
    pub(crate) fn of_variable(env: &Env, name: &str) -> Option<Self> {
        let value = env.get_even_empty(name)?;
        Some(Self::Value(Zeroizing::new(value.as_bytes().to_vec())))
    }

    /// The password of an existing key.
    ///
    /// # Errors
    /// [`CliError::Usage`] when there is none; those of reading it.
    pub(crate) fn read(&self, repo: &str) -> Result<Password> {
        let hint = "set DTRVAULT_PASSWORD_FILE, DTRVAULT_PASSWORD_COMMAND or DTRVAULT_PASSWORD, or use \
                    --password-file; there is no terminal to ask at";
        self.read_for(&format!("Password of {repo}: "), hint)
    }

    /// Any password that exists: asked for with `words`; where nobody can be asked, `hint` says what to do.
    ///
    /// # Errors
    /// As [`PasswordSource::read`].
    pub(crate) fn read_for(&self, words: &str, hint: &str) -> Result<Password> {
        match self {
            Self::Terminal => {
                need_terminal("no password was given", hint)?;
                prompt(words)
            }
            given => given.read_given(),
        }
    }

    /// The password of a key that is to be made: asked for twice at a terminal.
    ///
    /// # Errors
    /// As [`PasswordSource::read`]; [`CliError::Usage`] when the two differ.
    pub(crate) fn read_new(&self, prompts: &str, hint: &str) -> Result<Password> {
        match self {
            Self::Terminal => {
                need_terminal("no new password was given", hint)?;
                let password = prompt(&format!("{prompts}: "))?;
                if prompt(&format!("{prompts}, once more: "))? != password {
                    return Err(CliError::Usage {
                        message: "the two passwords differ".to_owned(),
                        hint: None,
                    });
                }
                Ok(password)
            }
            given => given.read_given(),
        }
    }

    fn read_given(&self) -> Result<Password> {
        match self {
            Self::Value(password) => checked(password.clone()),
            Self::File(path) => {
                let fail = |source| CliError::PasswordFile { path: path.clone(), source };
                checked(read_all(File::open(path).map_err(fail)?).map_err(fail)?)
            }
            Self::Command(command) => run(command),
            Self::Terminal => checked(Zeroizing::default()),
        }
    }
}

/// Standard error counts too: standard input may be what is to be stored.
fn need_terminal(message: &str, hint: &str) -> Result<()> {
    if io::stdin().is_terminal() || io::stderr().is_terminal() {
        return Ok(());
    }
    Err(CliError::usage(message, hint))
}

fn prompt(words: &str) -> Result<Password> {
    PROMPTING.store(true, Ordering::Relaxed);
    let answer = rpassword::prompt_password(words);
    PROMPTING.store(false, Ordering::Relaxed);
    match answer {
        Ok(password) => checked(Zeroizing::new(password.into_bytes())),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(CliError::Interrupted),
        Err(error) => Err(CliError::Terminal(error)),
    }
}

/// Standard input is not the command's: it may be what is to be stored.
fn run(command: &str) -> Result<Password> {
    let fail = CliError::PasswordCommand;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(fail)?;
    let output = match child.stdout.take() {
        Some(stdout) => read_all(stdout),
        None => Ok(Zeroizing::default()),
    };
    let status = child.wait().map_err(fail)?;
    if !status.success() {
        return Err(CliError::PasswordCommandFailed { status });
    }
    checked(output.map_err(fail)?)
}

fn read_all(from: impl Read) -> io::Result<Password> {
    // Of full size from the start: a buffer that grew would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_BYTES as usize + 1));
    from.take(MAX_PASSWORD_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_PASSWORD_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "no password is longer than 64 KiB"));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(bytes)
}

fn checked(password: Password) -> Result<Password> {
    if password.is_empty() {
        return Err(CliError::usage("the password is empty", "an empty password protects nothing"));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn value(text: &str) -> PasswordSource {
        PasswordSource::Value(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn sources_come_in_their_order() {
        let profile = Profile {
            password_file: Some("/profile".into()),
            password_command: Some("of-profile".into()),
            ..Profile::default()
        };
        let flags = |file: Option<&str>, command: Option<&str>| Flags {
            password_file: file.map(Into::into),
            password_command: command.map(Into::into),
            ..Flags::default()
        };
        let all = Env::from([
            ("DTRVAULT_PASSWORD", "secret"),
            ("DTRVAULT_PASSWORD_FILE", "/env"),
            ("DTRVAULT_PASSWORD_COMMAND", "of-env"),
        ]);
        let file = Env::from([("DTRVAULT_PASSWORD_FILE", "/env"), ("DTRVAULT_PASSWORD_COMMAND", "of-env")]);
        let command = Env::from([("DTRVAULT_PASSWORD_COMMAND", "of-env")]);
        let none = Env::default();
        let resolve = |flags, env, profile| PasswordSource::resolve(&flags, env, profile);
        let (path, shell) =
            (|p: &str| PasswordSource::File(p.into()), |c: &str| PasswordSource::Command(c.into()));
        assert_eq!(resolve(flags(Some("/flag"), Some("c")), &all, &profile), path("/flag"));
        assert_eq!(resolve(flags(None, Some("c")), &all, &profile), shell("c"));
        assert_eq!(resolve(flags(None, None), &all, &profile), value("secret"));
        assert_eq!(resolve(flags(None, None), &file, &profile), path("/env"));
        assert_eq!(resolve(flags(None, None), &command, &profile), shell("of-env"));
        assert_eq!(resolve(flags(None, None), &none, &profile), path("/profile"));
        assert_eq!(resolve(flags(None, None), &none, &Profile::default()), PasswordSource::Terminal);
    }

    #[test]
    fn one_line_end_is_no_part_of_a_password() {
        for (file, password) in [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            assert_eq!(*read_all(file.as_bytes()).unwrap(), password.as_bytes(), "{file:?}");
        }
        assert!(read_all(io::repeat(b'x')).is_err());
    }

    #[test]
    fn what_gives_no_password_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        assert!(matches!(PasswordSource::File(empty).read("r"), Err(CliError::Usage { .. })));
        let absent = PasswordSource::File(dir.path().join("absent"));
        assert!(matches!(absent.read("r"), Err(CliError::PasswordFile { .. })));
        assert!(matches!(value("").read("r"), Err(CliError::Usage { .. })));
        let command = |text: &str| PasswordSource::Command(text.into()).read("r");
        assert!(matches!(command("exit 3"), Err(CliError::PasswordCommandFailed { .. })));
        assert!(matches!(command("true"), Err(CliError::Usage { .. })));
        assert_eq!(*command("echo 'pass word'").unwrap(), b"pass word");
        assert!(!format!("{:?}", value("secret")).contains("secret"));
    }
}
