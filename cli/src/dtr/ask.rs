//! Questions before what cannot be taken back.

use std::io::{self, IsTerminal, Write};

use crate::error::{CliError, Result};

/// Asks whether to go on; `otherwise` is what to do where nobody can be asked.
///
/// # Errors
/// [`CliError::Usage`] without a terminal, and for any answer but yes.
pub(crate) fn confirm(question: &str, otherwise: &str) -> Result<()> {
    let given = answer(&format!("{question} [y/N] "), otherwise)?;
    if matches!(given.to_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(refused()) }
}

/// Asks for a line.
///
/// # Errors
/// [`CliError::Usage`] without a terminal.
pub(crate) fn answer(question: &str, otherwise: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage("this wants an answer, and there is no terminal to ask at", otherwise));
    }
    let mut out = io::stderr().lock();
    out.write_all(question.as_bytes()).and_then(|()| out.flush()).map_err(CliError::Terminal)?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(CliError::Terminal)?;
    Ok(line.trim().to_owned())
}

/// It was answered otherwise.
pub(crate) fn refused() -> CliError {
    CliError::Usage { message: "not confirmed; nothing was done".to_owned(), hint: None }
}
