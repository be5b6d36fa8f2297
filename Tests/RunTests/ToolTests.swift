import Foundation
import Testing

/// The programs of PATH that are in home directories, and what lies beside them.
@Suite("Tools of PATH", .serialized)
struct ToolTests {
  private static let home = """
    set -e; mkdir home work; cd home
    tool() { mkdir -p "${1%/*}"; printf '#!/bin/sh\\n%s\\n' "${2:-echo $1}" > "$1"; chmod 755 "$1"; }
    tool .cargo/bin/cargo 'cat ~/.rustup/toolchains/stable/version'
    mkdir -p .rustup/toolchains/stable; echo stable > .rustup/toolchains/stable/version; touch .rustup/settings.toml
    echo token > .cargo/credentials.toml; echo token > .cargo/config.toml; mkdir -p .cargo/registry; echo c > .cargo/registry/c
    tool .pyenv/shims/pytool 'cat ~/.pyenv/versions/3/pytool'; mkdir -p .pyenv/versions/3; echo pyenv > .pyenv/versions/3/pytool
    tool .nvm/versions/node/v1/bin/noder 'cat "${0%/*}/../lib/part"'; mkdir -p .nvm/versions/node/v1/lib
    echo nvm > .nvm/versions/node/v1/lib/part; echo token > .nvm/.npmrc
    tool .local/bin/plain
    tool .local/share/pipx/venvs/app/bin/app 'cd "$(dirname "$(readlink -f "$0")")/.."; cat share/part pyvenv.cfg'
    mkdir .local/share/pipx/venvs/app/share; echo pipx > .local/share/pipx/venvs/app/share/part
    echo cfg > .local/share/pipx/venvs/app/pyvenv.cfg
    tool .local/share/pipx/venvs/other/bin/other
    ln -s ../share/pipx/venvs/app/bin/app .local/bin/app
    tool .local/share/single/versions/1; ln -s versions .local/share/single/current
    ln -s "$HOME/.local/share/single/current/1" .local/bin/single
    mkdir -p .ssh .local/lib/python3.99/site-packages; echo key > .ssh/id; chmod 755 .ssh/id; ln -s ../../.ssh/id .local/bin/key
    echo user > .local/lib/python3.99/site-packages/m; echo history > .bash_history; echo state > .local/share/state
    tool go/bin/gopher; mkdir -p go/pkg; echo cache > go/pkg/cache
    mkdir prefix; tool prefix/bin/conda 'cat "${0%/*}/../lib/part"'; mkdir prefix/lib; echo conda > prefix/lib/part
    echo token > prefix/.condarc
    cd ../work
    """
  private static let path = [
    ".cargo/bin", ".pyenv/shims", ".nvm/versions/node/v1/bin", ".local/bin", "go/bin", "prefix/bin", "no/such/bin",
  ].map { "$HOME/" + $0 }.joined(separator: ":")

  private func run(_ command: String, path: String = Self.path) throws -> CommandLine.Outcome {
    var outcome: CommandLine.Outcome?
    try CommandLine.withDirectory { directory in
      outcome = try CommandLine.shell(
        """
        export HOME=$PWD/home
        \(Self.home)
        PATH=\(path):/usr/bin:/bin '\(CommandLine.binary)' run --system -- sh -c '\(command)'
        """, in: directory)
    }
    return try #require(outcome)
  }

  @Test(
    "they run, with what they are made of",
    arguments: [
      ("cargo", "stable\n"), ("pytool", "pyenv\n"), ("noder", "nvm\n"), ("plain", ".local/bin/plain\n"),
      ("app", "pipx\ncfg\n"), ("single", ".local/share/single/versions/1\n"), ("gopher", "go/bin/gopher\n"),
      ("conda", "conda\n"), ("cat ~/.local/lib/python3.99/site-packages/m", "user\n"),
    ])
  func programs(_ command: String, _ output: String) throws {
    let outcome = try run(command)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output == output)
    #expect(outcome.error == "")
  }

  @Test("what lies beside them is not in the guest")
  func secrets() throws {
    let outcome = try run("cd; find . -type f -o -type l | sort")
    #expect(
      outcome.output == """
        ./.cargo/bin/cargo
        ./.local/bin/app
        ./.local/bin/key
        ./.local/bin/plain
        ./.local/bin/single
        ./.local/lib/python3.99/site-packages/m
        ./.local/share/pipx/venvs/app/bin/app
        ./.local/share/pipx/venvs/app/pyvenv.cfg
        ./.local/share/pipx/venvs/app/share/part
        ./.local/share/single/current
        ./.local/share/single/versions/1
        ./.nvm/versions/node/v1/bin/noder
        ./.nvm/versions/node/v1/lib/part
        ./.pyenv/shims/pytool
        ./.pyenv/versions/3/pytool
        ./.rustup/settings.toml
        ./.rustup/toolchains/stable/version
        ./go/bin/gopher
        ./prefix/bin/conda
        ./prefix/lib/part

        """, "\(outcome.error)")
  }

  @Test("changes to them are the run's own")
  func changes() throws {
    let outcome = try run(
      "echo changed > ~/go/bin/gopher && cat ~/go/bin/gopher; rm ~/.cargo/bin/cargo; ls ~/.cargo/bin | wc -l")
    #expect(outcome.output == "changed\n0\n", "\(outcome.error)")
  }

  @Test(
    "an entry that the guest does not have is named, once and not with --quiet",
    arguments: [
      "$HOME", "$HOME/.ssh", "$HOME/../elsewhere/bin", "$HOME/.local",
    ])
  func missing(_ entry: String) throws {
    let prepared = "$(mkdir -p \"$HOME/../elsewhere/bin\"; cd \(entry) && pwd)"
    let outcome = try run("true", path: "\(prepared):\(prepared)")
    #expect(outcome.status == 0)
    #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
    #expect(outcome.error.contains("which is not in the guest"), "\(outcome.error)")
  }

  @Test("root has the programs of administrators in its PATH, other users have what they have")
  func administration() throws {
    try CommandLine.withDirectory { directory in
      let uwrx = "PATH=/usr/bin:/bin '\(CommandLine.binary)' run --system"
      let root = try CommandLine.shell("\(uwrx) -- sh -c 'command -v ldconfig; echo $PATH'", in: directory)
      #expect(root.output.hasSuffix("sbin/ldconfig\n/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n"), "\(root.error)")
      let user = try CommandLine.shell("\(uwrx) --uid 1000 --gid 1000 -- sh -c 'echo $PATH'", in: directory)
      #expect(user.output == "/usr/bin:/bin\n", "\(user.error)")
      let own = try CommandLine.shell("\(uwrx) --env PATH=/bin -- sh -c 'echo $PATH'", in: directory)
      #expect(own.output == "/bin\n", "\(own.error)")
    }
  }
}
