#!/bin/sh
# cargo, offline: a workspace with a library, a binary, a build script and tests. Debian's cargo and rustc, as rustup's
# live in a home directory that an ordinary user cannot read.
# timeout: 300
set -eu
export PATH=/usr/bin:/bin LC_ALL=C.UTF-8
for tool in cargo rustc cc; do command -v $tool >/dev/null || { echo "missing: $tool"; exit 77; }; done
export HOME="$PWD" CARGO_HOME="$PWD/cargo-home" CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never USER=tester
unset RUSTC RUSTFLAGS CARGO_TARGET_DIR 2>/dev/null || true

cargo new -q --vcs none --lib parts
cargo new -q --vcs none hello
printf '[workspace]\nmembers = ["parts", "hello"]\n' > Cargo.toml
printf 'parts = { path = "../parts" }\n' >> hello/Cargo.toml
cat > parts/src/lib.rs <<'EOF'
use std::collections::HashMap;
/// Counts the words of a text.
/// ```
/// assert_eq!(parts::count("a b a")["a"], 2);
/// ```
pub fn count(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() { *counts.entry(word.to_string()).or_insert(0) += 1; }
    counts
}
#[cfg(test)]
mod tests {
    #[test]
    fn counts() { assert_eq!(super::count("one two one")["one"], 2); }
    #[test]
    #[should_panic]
    fn panics() { let _ = super::count("")["none"]; }
}
EOF
cat > hello/build.rs <<'EOF'
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(format!("{out}/made.rs"), "const MADE: &str = \"by the build script\";\n").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
}
EOF
cat > hello/src/main.rs <<'EOF'
include!(concat!(env!("OUT_DIR"), "/made.rs"));
use std::{fs, io::{Read, Write}, net, process, sync::mpsc, thread};
fn main() -> std::io::Result<()> {
    println!("{MADE}");
    let (sender, receiver) = mpsc::channel();
    for i in 0..8u64 { let sender = sender.clone(); thread::spawn(move || sender.send(parts::count(&"w ".repeat(i as usize)).len())); }
    drop(sender);
    println!("{}", receiver.iter().sum::<usize>());
    fs::create_dir_all("made/by/rust")?;
    fs::write("made/by/rust/file", "text")?;
    fs::rename("made/by/rust/file", "made/file")?;
    println!("{:?} {}", fs::read_to_string("made/file")?, fs::metadata("made/file")?.len());
    let output = process::Command::new("sh").args(["-c", "echo child; exit 4"]).output()?;
    println!("{:?} {:?}", String::from_utf8_lossy(&output.stdout), output.status.code());
    let listener = net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || listener.accept().unwrap().0.write_all(b"over tcp").unwrap());
    let mut text = String::new();
    net::TcpStream::connect(address)?.read_to_string(&mut text)?;
    server.join().unwrap();
    println!("{text}");
    println!("{:?}", fs::read("missing").map_err(|error| error.kind()));
    process::exit(6)
}
EOF
cargo build -q --offline -j2
status=0; ./target/debug/hello || status=$?; echo "status $status"
cargo build -q --offline --release -j2
status=0; ./target/release/hello > release.out || status=$?; echo "status $status, $(wc -l < release.out) lines"
cargo test -q --offline -p parts 2>&1 | grep -E '^test result' | sed 's/; finished.*//'
touch parts/src/lib.rs && cargo build --offline 2>&1 | grep -c Compiling
cargo build --offline 2>&1 | grep -c Compiling || true
cargo metadata --offline --format-version 1 --no-deps | grep -o '"name":"[a-z]*","version"' | sort -u
echo 'fn main() { missing() }' > hello/src/main.rs
if cargo build -q --offline 2> errors; then exit 1; fi
grep -c 'E0425' errors | sed 's/^[1-9].*/the error is named/'
