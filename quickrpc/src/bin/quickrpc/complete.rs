//! `quickrpc completions` and `quickrpc man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Done, output};

/// Prints what makes a shell complete commands and options.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub struct Completions {
    /// For which shell
    shell: Shell,
}

const COMPLETIONS: &str = "\
Examples:
  source <(quickrpc completions bash)
  quickrpc completions fish > ~/.config/fish/completions/quickrpc.fish";

/// Prints the manual page, or writes one for each command.
#[derive(Debug, Args)]
#[command(after_help = MAN)]
pub struct Man {
    /// Write quickrpc.1, quickrpc-call.1 and so on into this folder
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

const MAN: &str = "\
Examples:
  quickrpc man | man -l -
  quickrpc man --into ~/.local/share/man/man1";

impl Completions {
    pub fn run(self) -> Done {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "quickrpc", &mut script);
        output::text(String::from_utf8_lossy(&script))
    }
}

impl Man {
    pub fn run(self) -> Done {
        if let Some(folder) = self.into {
            fs::create_dir_all(&folder)?;
            return Ok(clap_mangen::generate_to(Cli::command(), &folder)?);
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        output::text(String::from_utf8_lossy(&page))
    }
}
