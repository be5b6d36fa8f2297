import Foundation
import Testing

/// Archives that no honest program makes: each is refused with one message, or holds nothing that gets out of its place.
@Suite("hostile archives", .serialized)
struct HostileArchiveTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// A part of the message that refuses it; nil if it is contained.
    var message: String?
    /// What `find . -type f -exec cat` tells of it.
    var output = ""
    var testDescription: String { name }
  }

  private static func python(_ script: String, in directory: String) throws {
    try script.write(toFile: directory + "/make.py", atomically: false, encoding: .utf8)
    let made = try CommandLine.shell("python3 make.py", in: directory)
    #expect(made.status == 0, "\(made.error)")
  }

  private static let list = "cd /x; for f in $(find . | sort); do echo $f; if [ -f $f ]; then cat $f; fi; done"

  private static func list(_ source: String, in directory: String) throws -> CommandLine.Outcome {
    try CommandLine.run(
      [
        "run", "--system", "--timeout", "20", "--source", "/x=\(source)", "--workdir", "/", "--", "sh", "-c", list,
      ], in: directory)
  }

  @Test(
    "a hostile archive",
    arguments: [
      Case(name: "absolute.tar", output: ".\n./etc\n./etc/passwd\nmine"),
      Case(name: "dotdot.tar", message: "leads out of it: ../escape"),
      Case(name: "dotdot-middle.tar", message: "leads out of it"),
      Case(name: "hardlink-out.tar", message: "leads out of it"),
      Case(name: "hardlink-absolute.tar", message: "no file of the archive"),
      Case(name: "hardlink-self.tar", message: "no file of the archive"),
      Case(name: "hardlink-directory.tar", message: "no file of the archive"),
      Case(name: "through-link.tar", message: "not a directory"),
      Case(name: "through-file.tar", message: "not a directory"),
      Case(name: "file-over-directory.tar", message: "there twice"),
      Case(name: "directory-over-file.tar", message: "there twice"),
      Case(name: "twice.tar", output: ".\n./a\nsecond!./b\nb"),
      Case(name: "devices.tar", output: ".\n./f\nx"),
      Case(name: "loop.tar", output: ".\n./a\n./b\n./f\nx"),
      Case(name: "empty-link.tar", message: "target of the link"),
      Case(name: "long-name.tar", message: "longer than 255"),
      Case(name: "long-path.tar", message: "longer than 4095"),
      Case(name: "long-link.tar", message: "target of the link"),
      Case(name: "root-is-file.tar", message: "root is not a directory"),
      Case(name: "nul.tar", output: ".\n./a\nx"),
      Case(name: "escape-codes.tar", message: "../\\x1b[31mred"),
      Case(name: "truncated.tar", message: "Truncated"),
      Case(name: "truncated-header.tar", message: "Truncated"),
      Case(name: "bad-checksum.tar", message: "Damaged"),
      Case(name: "truncated.tar.gz", message: "truncated gzip"),
      Case(name: "corrupt.tar.gz", message: "cannot be read"),
      Case(name: "empty.tar", message: "Unrecognized"),
      Case(name: "text.tar", message: "Unrecognized"),
      Case(name: "random.tar", message: "cannot be read"),
      Case(name: "zeros.tar", output: ".\n"),
      Case(name: "size-lie.tar", message: "Truncated"),
      Case(name: "size-negative.tar", message: "size"),
      Case(name: "missing.tar", message: "No such file"),
      Case(name: ".", message: "not a file"),
    ])
  func tar(_ archive: Case) throws {
    try CommandLine.withDirectory { directory in
      try Self.python(Self.archives, in: directory)
      let outcome = try Self.list("tar:\(archive.name)", in: directory)
      if let message = archive.message {
        #expect(outcome.status == 125)
        #expect(outcome.error.contains(message), "\(outcome.error)")
        #expect(outcome.error.split(separator: "\n").count == 1)
        #expect(!FileManager.default.fileExists(atPath: directory + "/build/0"), "a run was begun")
      } else {
        #expect(outcome.status == 0, "\(outcome.error)")
        #expect(outcome.output == archive.output, "\(outcome.output) \(outcome.error)")
      }
      #expect(!FileManager.default.fileExists(atPath: directory + "/escape"))
    }
  }

  @Test("a damaged squashfs image harms nobody but its reader")
  func squashfs() throws {
    try CommandLine.withDirectory { directory in
      try Self.python(
        """
        import os, random, subprocess
        os.mkdir("r"); os.mkdir("r/d")
        for i in range(50): open(f"r/d/f{i}", "w").write(f"content {i}\\n" * 300)
        subprocess.run(["mksquashfs", "r", "good.sqfs", "-quiet", "-no-progress"], check=True, stdout=subprocess.DEVNULL)
        good = open("good.sqfs", "rb").read()
        random.seed(1)
        for n in range(40):
            bad = bytearray(good)
            if n < 10: bad = bad[:random.randrange(len(bad))]
            else:
                for _ in range(3): bad[random.randrange(len(bad))] = random.randrange(256)
            open(f"bad{n}.sqfs", "wb").write(bad)
        """, in: directory)
      for number in 0..<40 {
        let outcome = try Self.list("squashfs:bad\(number).sqfs", in: directory)
        #expect(outcome.status < 128, "\(number): \(outcome.status) \(outcome.error)")
        if outcome.status == 125 { #expect(outcome.error.split(separator: "\n").count == 1) }
      }
    }
  }

  @Test(
    "the layers of an image",
    arguments: ["oci:image:v1", "oci:image:example.org/a/b:v2", "oci:image.tar:v1", "oci:image.tgz:example.org/a/b:v2"])
  func image(_ source: String) throws {
    try CommandLine.withDirectory { directory in
      try Self.python(Self.images, in: directory)
      let outcome = try Self.list(source, in: directory)
      let expected = """
        .\n./d\n./d/b\nb1./d/c\nc2./dirtofile\nfile./filetodir\n./filetodir/x\ninside./gone\nback./keep\nkeep3./lib
        ./o\n./o/new\nnew./usr\n./usr/lib\n./usr/lib/one\n1./usr/lib/two\n2
        """
      #expect(outcome.output == expected, "\(outcome.output) \(outcome.error)")
    }
  }

  @Test(
    "an image that is refused",
    arguments: [
      ("image", "several images"), ("image:v9", "no image v9; it has: v1, example.org/a/b:v2"),
      ("changed:v1", "not what its digest says"),
      ("changed-manifest:v1", "not what its digest says"), ("out:v1", "a digest that is not sha256"),
      ("text:v1", "not valid JSON"), ("image:v1!/no", "has no no"), (".", "index.json"), ("missing", "No such file"),
    ])
  func refusedImage(_ place: String, _ message: String) throws {
    try CommandLine.withDirectory { directory in
      try Self.python(Self.images, in: directory)
      let outcome = try Self.list("oci:\(place)", in: directory)
      #expect(outcome.status == 125)
      #expect(outcome.error.contains(message), "\(outcome.error)")
    }
  }

  private static let archives = #"""
    import io, os, sys, tarfile, gzip
    out = "."
    def tar(name, entries, fmt=tarfile.GNU_FORMAT):
        with tarfile.open(f"{out}/{name}.tar", "w", format=fmt) as t:
            for e in entries:
                i = tarfile.TarInfo(e[0]); i.mode = 0o644
                kind, value = e[1], e[2] if len(e) > 2 else None
                if kind == "f": i.size = len(value); t.addfile(i, io.BytesIO(value)); continue
                i.type = {"d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE, "p": tarfile.FIFOTYPE}[kind]
                if kind == "d": i.mode = 0o755
                if kind in "lh": i.linkname = value
                if kind in "cb": i.devmajor, i.devminor = value
                t.addfile(i)
    tar("absolute", [("/etc/passwd", "f", b"mine")])
    tar("dotdot", [("../escape", "f", b"x")])
    tar("dotdot-middle", [("a/../../escape", "f", b"x")])
    tar("hardlink-out", [("a", "h", "../../etc/passwd")])
    tar("hardlink-absolute", [("a", "h", "/etc/shadow")])
    tar("hardlink-self", [("a", "h", "a")])
    tar("hardlink-directory", [("d", "d"), ("d/x", "h", "d")])
    tar("through-link", [("d", "l", "/tmp"), ("d/x", "f", b"x")])
    tar("through-file", [("d", "f", b""), ("d/x", "f", b"x")])
    tar("file-over-directory", [("d/x", "f", b""), ("d", "f", b"x")])
    tar("directory-over-file", [("d", "f", b""), ("d", "d")])
    tar("twice", [("a", "f", b"first"), ("a", "f", b"second!"), ("b", "l", "a"), ("b", "f", b"b")])
    tar("devices", [("null", "c", (1, 3)), ("sda", "b", (8, 0)), ("whiteout", "c", (0, 0)), ("f", "f", b"x")])
    tar("loop", [("a", "l", "b"), ("b", "l", "a"), ("f", "f", b"x")])
    tar("empty-link", [("a", "l", "")])
    tar("long-name", [("n" * 300, "f", b"x")])
    tar("long-path", [("d/" * 3000 + "x", "f", b"x")])
    tar("long-link", [("a", "l", "x" * 5000)])
    tar("root-is-file", [(".", "f", b"x")])
    tar("nul", [("a\0b", "f", b"x")], tarfile.PAX_FORMAT)
    tar("escape-codes", [("../\x1b[31mred", "f", b"x")])
    tar("good", [("d", "d"), ("d/f", "f", b"good" * 5000), ("l", "l", "d/f"), ("e", "f", b"")])
    good = open(f"{out}/good.tar", "rb").read()
    open(f"{out}/truncated.tar", "wb").write(good[:10000])
    open(f"{out}/truncated-header.tar", "wb").write(good[:700])
    bad = bytearray(good); bad[600] ^= 0x55
    open(f"{out}/bad-checksum.tar", "wb").write(bad)
    packed = gzip.compress(good)
    open(f"{out}/truncated.tar.gz", "wb").write(packed[:-20])
    bad = bytearray(packed); bad[len(bad) // 2] ^= 0xff
    open(f"{out}/corrupt.tar.gz", "wb").write(bad)
    open(f"{out}/empty.tar", "wb").close()
    open(f"{out}/text.tar", "wb").write(b"not an archive\n" * 100)
    open(f"{out}/random.tar", "wb").write(os.urandom(5000))
    open(f"{out}/zeros.tar", "wb").write(bytes(10240))
    big = tarfile.TarInfo("big"); big.size = 1 << 40
    open(f"{out}/size-lie.tar", "wb").write(big.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024)
    huge = tarfile.TarInfo("huge"); huge.size = (1 << 63) + 5
    open(f"{out}/size-negative.tar", "wb").write(huge.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024)
    """#

  private static let images = #"""
    import json,hashlib,os,io,tarfile,gzip,sys,shutil
    d="image"; os.makedirs(d+"/blobs/sha256")
    def blob(b):
        h=hashlib.sha256(b).hexdigest(); open(f"{d}/blobs/sha256/{h}","wb").write(b); return {"digest":"sha256:"+h,"size":len(b)}
    def layer(entries, comp):
        o=io.BytesIO(); t=tarfile.open(fileobj=o,mode="w")
        for n,c in entries:
            i=tarfile.TarInfo(n)
            if isinstance(c,tuple): i.type,i.linkname=c[0],c[1]; t.addfile(i)
            elif c is None: i.type=tarfile.DIRTYPE; i.mode=0o755; t.addfile(i)
            else: i.size=len(c); i.mode=0o644; t.addfile(i,io.BytesIO(c))
        t.close(); b=o.getvalue()
        if comp=="gzip": b=gzip.compress(b,mtime=0)
        if comp=="zstd":
            import subprocess; b=subprocess.run(["zstd","-c"],input=b,stdout=subprocess.PIPE).stdout
        x=blob(b); x["mediaType"]="application/vnd.oci.image.layer.v1.tar"+("+"+comp if comp else ""); return x
    S=tarfile.SYMTYPE
    ls=[layer([("keep",b"keep1"),("gone",b"gone"),("d",None),("d/a",b"a1"),("d/b",b"b1"),("o/x",b"x"),("o/y/z",b"z"),("lib",(S,"usr/lib")),("usr/lib/one",b"1"),("dirtofile/x",b"x"),("filetodir",b"f")],"gzip"),
        layer([(".wh.gone",b""),("d/.wh.a",b""),("d/c",b"c2"),("o/new",b"new"),("o/.wh..wh..opq",b""),("lib/two",b"2"),("dirtofile",b"file"),("filetodir/x",b"inside")],"zstd"),
        layer([("keep",b"keep3"),("gone",b"back")],"")]
    cfg=blob(b"{}"); m=blob(json.dumps({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":cfg,"layers":ls}).encode())
    m["mediaType"]="application/vnd.oci.image.manifest.v1+json"
    inner=blob(json.dumps({"schemaVersion":2,"manifests":[dict(m,platform={"os":"linux","architecture":"arm64"},digest="sha256:"+"0"*64),dict(m,platform={"os":"linux","architecture":"amd64"})]}).encode())
    inner["mediaType"]="application/vnd.oci.image.index.v1+json"
    json.dump({"schemaVersion":2,"manifests":[dict(inner,annotations={"org.opencontainers.image.ref.name":"v1"}),dict(m,annotations={"org.opencontainers.image.ref.name":"example.org/a/b:v2"})]},open(d+"/index.json","w"))
    json.dump({"imageLayoutVersion":"1.0.0"},open(d+"/oci-layout","w"))

    import subprocess
    subprocess.run("tar -C image -cf image.tar .; tar -C image -czf image.tgz .; for n in changed changed-manifest out text; do cp -r image $n; done", shell=True, check=True)
    for f in os.listdir("image/blobs/sha256"):
        b=open("image/blobs/sha256/"+f,"rb").read()
        open(("changed-manifest" if b[:1]==b"{" else "changed")+"/blobs/sha256/"+f,"ab").write(b" ")
    index=open("image/index.json").read()
    open("out/index.json","w").write(index.replace('"sha256:','"sha256:../../../'))
    open("text/index.json","w").write(index[:-1])
    """#
}
