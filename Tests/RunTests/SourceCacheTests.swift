import Foundation
import Testing

/// Where contents of archives are kept, and what is believed of what is there.
@Suite("the cache of sources", .serialized)
struct SourceCacheTests {
  private static let make = """
    set -e; mkdir root; echo genuine > root/f; printf '#!/bin/sh\\necho genuine\\n' > root/prog; chmod 755 root/prog
    tar -C root -cf a.tar .; gzip -k a.tar; mksquashfs root a.sqfs -quiet -no-progress
    git init -q r; cp root/* r; cd r; git add .; git -c user.name=n -c user.email=e commit -qm 1; cd ..
    python3 - <<'END'
    import gzip, hashlib, json, os
    os.makedirs("image/blobs/sha256")
    def blob(b, kind):
        h = hashlib.sha256(b).hexdigest(); open("image/blobs/sha256/" + h, "wb").write(b)
        return {"mediaType": kind, "digest": "sha256:" + h, "size": len(b)}
    kind = "application/vnd.oci.image."
    tar = open("a.tar", "rb").read()
    layer = blob(gzip.compress(tar, mtime=0), kind + "layer.v1.tar+gzip")
    manifests = []
    for name, digests in ("v1", ["sha256:" + hashlib.sha256(tar).hexdigest()]), ("none", None), ("wrong", ["sha256:" + "0" * 64]):
        config = {"rootfs": {"type": "layers", "diff_ids": digests}} if digests else {}
        m = blob(json.dumps({"schemaVersion": 2, "config": blob(json.dumps(config).encode(), kind + "config.v1+json"), "layers": [layer]}).encode(), kind + "manifest.v1+json")
        manifests.append(dict(m, annotations={"org.opencontainers.image.ref.name": name}))
    json.dump({"schemaVersion": 2, "manifests": manifests}, open("image/index.json", "w"))
    END
    tar -C image -cf image.tar .
    """

  private static func withArchives(_ body: (String) throws -> Void) throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell(make, in: directory)
      #expect(made.status == 0, "\(made.error)")
      try body(directory)
    }
  }

  private static func run(
    _ source: String, in directory: String, _ environment: [String: String], before: String = ":"
  ) throws -> CommandLine.Outcome {
    try CommandLine.shell(
      "\(before); exec \(CommandLine.binary) run --system --source /i=\(source) -- sh -c '/i/prog; cat /i/f'",
      in: directory, environment: environment)
  }

  @Test(
    "contents that were changed in the cache are not shown",
    arguments: ["tar:a.tar", "squashfs:a.sqfs", "git:r", "oci:image:v1", "oci:image:none", "oci:image.tar:v1"])
  func poisoned(_ source: String) throws {
    try Self.withArchives { directory in
      let environment = ["XDG_CACHE_HOME": directory + "/cache"]
      let cold = try Self.run(source, in: directory, environment)
      #expect(cold.output == "genuine\ngenuine\n", "\(cold.error)")
      let changed = try CommandLine.shell(
        """
        cd cache/uwrx/sources && grep -rl genuine . | while read f; do
          m=$(stat -c %a "$f"); chmod u+w "$f"; sed -i s/genuine/altered/ "$f"; chmod $m "$f"; done; grep -rl altered . | wc -l
        """, in: directory)
      #expect((Int(changed.output.dropLast()) ?? 0) >= 2, "\(changed.output) \(changed.error)")
      for _ in 0..<2 {
        let warm = try Self.run(source, in: directory, environment)
        #expect(warm.output == "genuine\ngenuine\n", "\(warm.error)")
      }
      let left = try CommandLine.shell("grep -rl altered cache; find cache -type f -perm /222", in: directory)
      #expect(left.output == "")
    }
  }

  @Test("contents that are not what the image's configuration says are refused")
  func wrongContents() throws {
    try Self.withArchives { directory in
      let outcome = try Self.run("oci:image:wrong", in: directory, ["XDG_CACHE_HOME": directory + "/cache"])
      #expect(outcome.status == 125)
      #expect(outcome.error.contains("configuration"), "\(outcome.error)")
    }
  }

  @Test(
    "a cache that is not the user's alone is not used, and none is made elsewhere",
    arguments: [
      ("a relative path", ["XDG_CACHE_HOME": "cache", "HOME": ""], ":", "[ ! -e cache ]"),
      ("no home", ["XDG_CACHE_HOME": "", "HOME": ""], ":", "[ ! -e .cache ]"),
      (
        "open to others", ["XDG_CACHE_HOME": "@"], "mkdir -p uwrx/sources; chmod 777 uwrx/sources",
        "[ -z \"$(ls uwrx/sources)\" ]"
      ),
      ("a link", ["XDG_CACHE_HOME": "@"], "mkdir -m 700 o; ln -s o uwrx", "[ -z \"$(ls o)\" ]"),
      ("below a file", ["XDG_CACHE_HOME": "@/a.tar"], ":", ":"),
      ("the home", ["XDG_CACHE_HOME": "", "HOME": "@"], ":", "ls .cache/uwrx/sources/* && rm -r .cache"),
    ])
  func place(_ name: String, _ environment: [String: String], _ before: String, _ check: String) throws {
    try Self.withArchives { directory in
      let environment = environment.mapValues { $0.replacingOccurrences(of: "@", with: directory) }
      let outcome = try Self.run("tar:a.tar.gz", in: directory, environment, before: before)
      #expect(outcome.output == "genuine\ngenuine\n", "\(outcome.error)")
      #expect(try CommandLine.shell(check, in: directory).status == 0)
      #expect(try CommandLine.shell("[ ! -e build/.sources ]", in: directory).status == 0)
    }
  }

  @Test(
    "a build directory that is a link is named",
    arguments: [
      ("ln -s elsewhere build", "build", "elsewhere"), ("ln -s nowhere build", "build/", "nowhere"),
      ("mkdir t; chmod 777 t; ln -s ../elsewhere t/l", "t/l/build", "another user"),
      ("ln -s t l; mkdir t; chmod 777 t; ln -s ../elsewhere t/l; ln -s t/l m", "m/build", "another user"),
      ("ln -s elsewhere mine", "mine/build", nil),
    ])
  func buildLink(_ make: String, _ build: String, _ message: String?) throws {
    try CommandLine.withDirectory { directory in
      let made = try CommandLine.shell("mkdir elsewhere; \(make)", in: directory)
      #expect(made.status == 0, "\(made.error)")
      let outcome = try CommandLine.run(
        ["run", "--quiet", "--system", "--build", build, "--", "true"], in: directory)
      if let message {
        #expect(outcome.status == 125)
        #expect(outcome.error.contains(message) && outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
        #expect(try CommandLine.shell("ls elsewhere", in: directory).output == "")
      } else {
        #expect(outcome.status == 0, "\(outcome.error)")
      }
    }
  }
}
