//! Code for other languages is what these languages take.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Dir, says, tcp_lab};

#[test]
fn the_rust_is_the_trait() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let code = says(&["codegen", "rust", &tcp]);
    for part in [
        "/// A laboratory.\n#[remote_api]\npub trait Lab {\n",
        "    /// Adds two numbers.\n    #[incoming]\n    fn add(&self, a: i64, b: Option<i64>) -> i64;\n",
        "    #[outgoing]\n    fn said(&self, text: &str);\n",
        "    #[incoming(property, writable)]\n    fn voltage(&self) -> f64;\n",
    ] {
        assert!(code.contains(part), "{part}\nin\n{code}");
    }
    syn::parse_file(&code).unwrap();
}

/// What is printed for the service of these tests, as a file here: so it is compiled, and used.
mod lab {
    #![allow(missing_docs, unreachable_pub, reason = "as it was printed")]

    include!("generated/lab.rs");
}

#[test]
fn the_rust_is_compiled_and_calls() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let code = says(&["codegen", "rust", &tcp]);
    let file = "tests/tool/generated/lab.rs";
    if std::env::var_os("QUICKRPC_GENERATE").is_some() {
        std::fs::write(file, &code).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap();
    assert_eq!(kept, code, "print it anew with QUICKRPC_GENERATE=1");
    let client = lab::LabInverse::bind("jrpc", tcp.as_str()).unwrap();
    client.start().unwrap();
    let service = client.all();
    assert_eq!(service.add(2, Some(3)).result().unwrap(), 5);
    assert_eq!(service.add(2, None).result().unwrap(), 3);
    assert_eq!(service.measure(2).result().unwrap(), 1.0);
    assert_eq!(service.voltage().result().unwrap(), 5.0);
}

#[test]
fn the_python_is_a_module() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let code = says(&["codegen", "python", "--name", "my lab", &tcp]);
    let dir = Dir::new();
    dir.file("lab.py", &code);
    // What of QuickRPC it needs, so that this needs nothing that has to be installed.
    dir.file(
        "quickrpc.py",
        "class RemoteAPI:\n    pass\ndef incoming(f=None, has_reply=False):\n    return f or (lambda f: f)\noutgoing = incoming\n",
    );
    let script = "import lab, inspect; print(inspect.signature(lab.MyLab.add), lab.MyLab.said.__doc__.strip().splitlines()[0])";
    let output = Command::new("python3")
        .args(["-c", script])
        .current_dir(dir.path())
        .output();
    let output = output.expect("Python");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "(self, sender=None, a=None, b=1) Somebody said something.\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Calls, and hears what is said.
const USE: &str = r#"
import queue, sys, time
import lab

api = lab.Lab(codec="jrpc", transport="tcp:" + sys.argv[1], invert=True)
heard = queue.Queue()
api.said.connect(lambda sender=None, text=None: heard.put(text))
api.transport.start()
end = time.monotonic() + 20
while not api.transport.running and time.monotonic() < end:
    time.sleep(0.01)
print(api.add(a=2, b=3).result(20), api.measure(channel=3).result(20))
api.say(text="hello")
print(heard.get(timeout=20))
api.transport.stop()
"#;

#[test]
fn the_python_works_with_the_original() {
    let Some(python) = original() else { return };
    let (_lab, tcp) = tcp_lab("jrpc");
    let dir = Dir::new();
    dir.file("lab.py", &says(&["codegen", "python", &tcp]));
    let script = dir.file("use.py", USE);
    let mut command = Command::new(python);
    command.arg(script).arg(&tcp[4..]).current_dir(dir.path());
    let output = command.output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "5 1.5\nhello\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A Python with QuickRPC 0.1.0, below the build directory. `None` without a network, unless in CI.
fn original() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-original");
    let python = home.join("bin/python");
    let has_it = || {
        let mut command = Command::new(&python);
        let done = command.args(["-c", "import quickrpc"]).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !has_it() {
        let mut make = Command::new("python3");
        let _ = make.args(["-m", "venv"]).arg(&home).output();
        let mut install = Command::new(&python);
        let _ = install
            .args(["-m", "pip", "install", "--quiet", "QuickRPC==0.1.0"])
            .output();
    }
    let found = has_it();
    assert!(
        found || std::env::var_os("CI").is_none(),
        "no QuickRPC for Python"
    );
    found.then_some(python)
}

/// A description whose words are those of the languages, or leave what they are put into.
const FORGED: &str = r##"{
    "info": {"title": "Lab\nforged()", "version": "1\rforged()\u2028forged()", "description": "ends with \"\u0000"},
    "methods": [
        {"name": "fooBar", "description": "one\rforged()", "params": [], "result": {"schema": {"type": "null"}}},
        {"name": "foo_bar", "description": "*/ forged() \"\"\" forged() \\", "params": []},
        {"name": "self", "description": "says \"hi\"", "params": []},
        {"name": "move", "params": [
            {"name": "self", "schema": {"type": "integer"}}, {"name": "aB", "schema": {"enum": ["Self", "", "x-y", "x y", "\u0001"]}},
            {"name": "a_b", "schema": {"$ref": "#/components/schemas/Self"}}, {"name": "from", "schema": {"type": "string"}}]},
        {"name": "take", "params": [
            {"name": "text", "x-default": "\"\" + forged() + \"\"", "schema": {}},
            {"name": "inf", "x-default": "inf", "schema": {"type": "string", "default": "a\"\\\u0007\u2028"}},
            {"name": "number", "x-default": "inf", "schema": {}}]},
        {"name": "line\nforged()", "params": []}
    ],
    "components": {"schemas": {
        "Self": {"type": "object", "properties": {"super": {}, "kB": {"description": "x\u2028forged()"}, "k_b": {}}},
        "option": {"type": "string"}, "lab forged": {"type": "object", "properties": {"k\u001b": {}}}, "labForged": {}, "options": {}
    }}
}"##;

#[test]
fn a_name_that_no_call_can_have_is_another_one_in_rust() {
    let dir = Dir::new();
    let names = r#"{"info": {"title": "Odd", "version": "1"}, "methods": [
        {"name": "into", "params": []}, {"name": "__api", "params": []}, {"name": "type", "params": []}]}"#;
    let rust = says(&["codegen", "rust", &dir.file("odd.json", names)]);
    for part in [
        "    #[name = \"into\"]\n    fn into_2(&self);\n",
        "    #[name = \"__api\"]\n    fn __api_2(&self);\n",
        "    #[name = \"type\"]\n    fn type_(&self);\n",
    ] {
        assert!(rust.contains(part), "{part}\nin\n{rust}");
    }
}

#[test]
fn a_name_that_goes_both_ways_is_one_method_in_python() {
    let dir = Dir::new();
    let both = r#"{"info": {"title": "Editor", "version": "1"}, "methods": [
        {"name": "cancel", "x-direction": "outgoing", "params": [{"name": "why", "schema": {}}]},
        {"name": "cancel", "params": [{"name": "id", "schema": {"type": "integer"}}]},
        {"name": "print", "x-direction": "outgoing", "params": []}]}"#;
    let python = says(&["codegen", "python", &dir.file("both.json", both)]);
    assert_eq!(python.matches("def cancel(").count(), 1, "{python}");
    assert!(
        python.contains("def cancel(self, sender=None, id=None):"),
        "{python}"
    );
    assert!(
        python.contains("def print(self, receivers=None):"),
        "{python}"
    );
    assert!(python.contains("has no such calls: cancel\n"), "{python}");
}

#[test]
fn words_of_others_are_no_code() {
    let dir = Dir::new();
    let file = dir.file("forged.json", FORGED);
    let rust = says(&["codegen", "rust", &file]);
    let items = syn::parse_file(&rust).expect(&rust).items;
    let mut types: Vec<String> = Vec::new();
    for item in &items {
        match item {
            syn::Item::Struct(one) => types.push(one.ident.to_string()),
            syn::Item::Enum(one) => types.push(one.ident.to_string()),
            syn::Item::Type(one) => types.push(one.ident.to_string()),
            syn::Item::Trait(one) => {
                let calls = one.items.iter().filter_map(|item| match item {
                    syn::TraitItem::Fn(one) => Some(one.sig.ident.to_string()),
                    _ => None,
                });
                let calls: Vec<String> = calls.collect();
                let all = [
                    "foo_bar",
                    "foo_bar_2",
                    "self_",
                    "move_",
                    "take",
                    "line_forged__",
                ];
                assert_eq!(calls, all);
            }
            syn::Item::Use(_) => {}
            _ => panic!("something else in {rust}"),
        }
    }
    let all = [
        "Self_2",
        "Option_2",
        "LabForged_2",
        "LabForged_3",
        "Options",
        "MoveAB",
    ];
    assert!(
        all.iter().all(|name| types.iter().any(|one| one == name)),
        "{types:?}"
    );
    assert!(
        rust.contains("self_: Option<i64>, #[name = \"aB\"] a_b: "),
        "{rust}"
    );
    assert!(
        rust.contains("#[name = \"a_b\"] a_b_2: Option<Self_2>"),
        "{rust}"
    );

    let typescript = says(&["codegen", "typescript", &file]);
    assert!(
        typescript.contains("export type Options_2 = any;"),
        "{typescript}"
    );
    for code in [&rust, &typescript] {
        let is_forged = |line: &str| line.trim_start().starts_with("forged");
        assert!(!code.lines().any(is_forged), "{code}");
        assert!(
            !code.contains(|c: char| c.is_control() && c != '\n'),
            "{code:?}"
        );
        assert!(!code.contains('\u{2028}'), "{code:?}");
    }

    let python = says(&["codegen", "python", &file]);
    dir.file("lab.py", &python);
    let script = r#"
import ast
module = ast.parse(open("lab.py").read())
print([type(one).__name__ for one in module.body])
print([type(one).__name__ for one in module.body[1].body])
for one in module.body[1].body[1:]:
    print(one.name, [ast.literal_eval(default) for default in one.args.defaults])
"#;
    let mut command = Command::new("python3");
    let output = command
        .args(["-c", script])
        .current_dir(dir.path())
        .output();
    let output = output.expect("Python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "['ImportFrom', 'ClassDef']\n['Expr', 'FunctionDef', 'FunctionDef', 'FunctionDef', 'FunctionDef']\n\
         fooBar [None]\nfoo_bar [None]\nself [None]\ntake [None, None, 'a\"\\\\\\x07\\u2028', None]\n",
        "{errors}\n{python}"
    );
}
