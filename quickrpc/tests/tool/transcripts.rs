//! What docs/tool.md shows is what happens.

use std::fs;
use std::process::{Command, Stdio};

use crate::run::{Dir, Running, tcp_lab};

#[test]
fn the_page_is_true() {
    let page = fs::read_to_string("../docs/tool.md").expect("the page");
    let (_lab, tcp) = tcp_lab("jrpc");
    let port = tcp.rsplit(':').next().unwrap().to_owned();
    let dir = Dir::new();
    let config = page
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    dir.file("quickrpc.toml", &config.replace("8888", &port));
    let mut shell = Shell {
        dir,
        ports: vec![("8888", port)],
        background: Vec::new(),
    };
    let mut count = 0;
    for block in page.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut commands: Vec<(String, String)> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => commands.push((command.to_owned(), String::new())),
                None => {
                    let (_, output) = commands.last_mut().expect("a command first");
                    output.push_str(line);
                    output.push('\n');
                }
            }
        }
        for (command, expected) in commands {
            assert_eq!(shell.run(&command, &expected), expected, "$ {command}");
            count += 1;
        }
    }
    assert!(count > 20, "{count} commands were found");
}

struct Shell {
    dir: Dir,
    /// As the page says, and as they are.
    ports: Vec<(&'static str, String)>,
    background: Vec<Running>,
}

impl Shell {
    fn run(&mut self, command: &str, expected: &str) -> String {
        if let Some(file) = command.strip_prefix("cat ") {
            // The page shows what the reader has to have.
            self.dir.file(file, expected);
            return expected.to_owned();
        }
        if let Some(command) = command.strip_suffix(" &") {
            let command = command.replace(":8889", ":0");
            let mut running = Running::spawn(&mut self.shell(&command));
            let port = running.address().rsplit(':').next().unwrap().to_owned();
            self.ports.push(("8889", port));
            self.background.push(running);
            return String::new();
        }
        let mut command = command.to_owned();
        for (shown, real) in &self.ports {
            command = command.replace(shown, real);
        }
        let output = self.shell(&command).output().expect("a shell");
        let mut text = String::from_utf8(output.stdout).expect("text");
        text += &String::from_utf8(output.stderr).expect("text");
        match output.status.code() {
            Some(0) => {}
            code => text += &format!("[exit code {}]\n", code.unwrap_or(-1)),
        }
        for (shown, real) in &self.ports {
            text = text.replace(real, shown);
        }
        text
    }

    fn shell(&self, command: &str) -> Command {
        let bin = env!("CARGO_BIN_EXE_quickrpc");
        let mut shell = Command::new("sh");
        let command = match command.starts_with("quickrpc") {
            true => format!("exec {command}"),
            false => command.to_owned(),
        };
        shell.arg("-c").arg(
            command
                .replace("exec quickrpc", &format!("exec {bin}"))
                .replace("| quickrpc", &format!("| {bin}")),
        );
        // Commands with redirections work there.
        shell.current_dir(self.dir.path()).stdin(Stdio::null());
        shell
            .env_remove("QUICKRPC_CONFIG")
            .env("HOME", "/nonexistent")
            .env_remove("LAB_HOST");
        shell
    }
}
