//! `signalbox completions` and `signalbox man`: generated from the command line's own description.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{Done, args::Args, out};

/// Prints the completions of a shell.
pub(crate) fn completions(shell: Shell) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "signalbox", &mut text);
    print(text)
}

/// Prints the manual page, or writes the pages of all commands into a folder.
pub(crate) fn pages(folder: Option<&Path>) -> Done {
    let Some(folder) = folder else {
        let mut text = Vec::new();
        clap_mangen::Man::new(Args::command())
            .render(&mut text)
            .map_err(|error| error.to_string())?;
        return print(text);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Args::command(), folder))
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    out::line(format_args!(
        "the pages are in {}",
        out::styled(out::NAME, folder.display())
    ));
    out::json(&serde_json::json!({ "folder": folder }));
    Ok(true)
}

fn print(text: Vec<u8>) -> Done {
    let text = String::from_utf8(text).map_err(|error| error.to_string())?;
    out::raw(text.trim_end());
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_completions() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(pages(Some(folder.path())), Ok(true));
        let command = Args::command();
        for sub in command.get_subcommands() {
            let page = folder
                .path()
                .join(format!("signalbox-{}.1", sub.get_name()));
            assert!(page.is_file(), "{}", page.display());
        }
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "signalbox", &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("invoke") && text.contains("speed"), "{shell}");
        }
    }
}
