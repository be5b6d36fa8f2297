import Foundation
import Testing

/// A git source shows objects of the directory that was named, and of no other repository of the user's.
@Suite("git sources that lead elsewhere", .serialized)
struct GitSourceTests {
  private static let make = """
    set -e; export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
    git init -q -b main private; cd private; echo private > secret; git add .; git commit -qm 1; git worktree add -q ../linked; cd ..
    p=$PWD/private/.git; id=$(git -C private rev-parse HEAD)
    mkdir file; echo "gitdir: $p" > file/.git
    mkdir relative; echo "gitdir: ../private/.git" > relative/.git
    mkdir link; ln -s $p link/.git
    new() { mkdir -p $1/.git/objects/pack $1/.git/objects/info $1/.git/refs; echo $id > $1/.git/HEAD; }
    new common; echo "$p" > common/.git/commondir
    new alternate; echo "$p/objects" > alternate/.git/objects/info/alternates
    new alternate2; echo "../objects" > alternate2/.git/objects/info/alternates
    new objects; rm -r objects/.git/objects; ln -s $p/objects objects/.git/objects
    new loose; for d in $p/objects/??; do ln -s $d loose/.git/objects/; done
    new file2; for d in $p/objects/??; do mkdir file2/.git/objects/${d##*/}; ln -s $d/* file2/.git/objects/${d##*/}/; done
    git clone -q --bare private packed.git; git -C packed.git repack -adq; new pack; ln -s $PWD/packed.git/objects/pack/* pack/.git/objects/pack/
    mkdir -p super/.git/modules; git clone -q --bare private super/.git/modules/sub; mkdir super/sub; echo "gitdir: ../.git/modules/sub" > super/sub/.git
    git clone -q --separate-git-dir inside/deep/git private inside/w 2> /dev/null || true
    """

  @Test(
    "what leads out is refused and told, what is named is shown",
    arguments: [
      ("file", "private/.git"), ("relative", "private/.git"), ("link", "private/.git"), ("common", "commondir"),
      ("alternate", "alternates"), ("objects", "objects"), ("loose", "objects"), ("file2", "objects"), ("pack", "pack"),
      ("linked", "private/.git/worktrees/linked"), ("super/sub", "super/.git/modules/sub"),
      ("private/.git/objects", "not a git"),
      ("private", nil), ("private/.git", nil), ("private/.git/worktrees/linked", nil), ("super/.git/modules/sub", nil),
      ("packed.git", nil),
    ])
  func places(_ place: String, _ message: String?) throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell(Self.make, in: directory)
      #expect(made.status == 0, "\(made.error)")
      let outcome = try CommandLine.run(
        ["run", "--system", "--source", "/x=git:\(place)", "--", "cat", "/x/secret"], in: directory)
      if let message {
        #expect(outcome.status == 125)
        #expect(outcome.error.contains(message), "\(outcome.error)")
        #expect(outcome.error.split(separator: "\n").count == 1)
        #expect(outcome.output == "")
      } else {
        #expect(outcome.output == "private\n", "\(outcome.error)")
      }
    }
  }

  @Test("nothing that a repository's configuration names is started, missing objects or not")
  func configuration() throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell(
        """
        set -e; h=$PWD; git init -q r; cd r; echo data > f; git add f; git -c user.name=n -c user.email=e commit -qm 1
        cat >> .git/config <<END
        [core]
          fsmonitor = touch $h/PWN1
          pager = touch $h/PWN2
          sshCommand = touch $h/PWN3
          alternateRefsCommand = touch $h/PWN4
          hooksPath = $h/hooks
          askPass = touch $h/PWN7
        [extensions]
          partialClone = origin
        [remote "origin"]
          promisor = true
          url = ext::touch% $h/PWN5
          uploadpack = touch $h/PWN6
        [protocol "ext"]
          allow = always
        [protocol]
          allow = always
        [diff "x"]
          textconv = touch $h/PWN8
        END
        echo '* diff=x filter=x' > .gitattributes
        o=$(git -c core.fsmonitor=false rev-parse HEAD:f); echo $o > ../id; cp .git/objects/${o%${o#??}}/${o#??} ../kept
        """, in: directory)
      #expect(made.status == 0, "\(made.error)")
      let command = ["run", "--system", "--source", "/x=git:r", "--", "cat", "/x/f"]
      let whole = try CommandLine.run(command, in: directory)
      #expect(whole.output == "data\n", "\(whole.error)")
      _ = try CommandLine.shell("o=$(cat id); rm -f r/.git/objects/${o%${o#??}}/${o#??}", in: directory)
      let missing = try CommandLine.run(command, in: directory)
      #expect(missing.status != 0 && missing.output == "")
      #expect(try CommandLine.shell("ls PWN*", in: directory).output == "")
    }
  }
}
