import Foundation
import Testing

/// What was downloaded, as files of the trace.
extension NetworkTests {
  private static let script = """
    get() { curl -sS --path-as-is -o /dev/null "$@"; }
    get $BASE/file; get $BASE/file?a=b; get $BASE/ranged/whole.bin; get $BASE/gzip; get $BASE/nothing.txt; get -d x=y $BASE/post.txt
    get -r 2000000- $BASE/ranged/parts.bin; get -r 0-999999 $BASE/ranged/parts.bin; get -r 900000-1999999 $BASE/ranged/parts.bin
    get -r 0-99 $BASE/ranged/half.bin
    get -r 0-1999999 -H 'X-Tag: 1' $BASE/ranged/versions.bin; get -r 2000000- -H 'X-Tag: 2' $BASE/ranged/versions.bin
    curl -sS -o broken $BASE/broken/x.bin; get -r 1400000- $BASE/broken/x.bin
    curl -sS -r 0-9 -o /dev/null $BASE/ranged/last.bin; get $BASE/ranged/last.bin
    get $BASE/ranged/../../../../../../../../outside.bin; get $BASE/ranged/$(printf %0300d 7).bin; get $BASE/ranged/%2e%2e%2foutside.bin
    get $BASE/ranged/Case.bin; get $BASE/ranged/case.bin
    """

  @Test("downloads are files by their paths, whole or put together of ranges, and never elsewhere", arguments: users)
  func downloads(_ user: Int) throws {
    try withServer(user, "web.py", ["served"]) { server, run in
      let outcome = try run(
        "--system --net --allow web.test --resolve 'web.test:*:127.0.0.1' --env BASE=http://web.test:\(server.port) -- sh get.sh",
        files: ["get.sh": Self.script])
      #expect(outcome.error.contains("curl: ("), "\(outcome.error)")
      let net = server.directory + "/build/0/0/net/web.test"
      func contents(_ path: String) -> Data? { FileManager.default.contents(atPath: net + "/" + path) }
      let large = try #require(FileManager.default.contents(atPath: server.directory + "/served/large"))
      #expect(contents("file%%file") == Data("contents\n".utf8) && contents("file?a=b") == Data("contents\n".utf8))
      for path in [
        "ranged/whole.bin", "ranged/parts.bin", "ranged/last.bin", "broken/x.bin", "ranged/Case.bin", "ranged/case.bin",
        "ranged/%2e%2e%2foutside.bin", "ranged" + String(repeating: "/%%2e%%2e", count: 8) + "/outside.bin",
      ] {
        #expect(contents(path) == large, "\(path)")
      }
      for path in [
        "gzip%%file", "nothing.txt", "post.txt", "ranged/half.bin", "ranged/versions.bin",
      ] {
        #expect(contents(path) == nil, "\(path)")
      }
      // The contents are there once.
      let names = try CommandLine.shell("find \(net) -samefile \(net)/ranged/whole.bin | wc -l", in: server.directory)
      #expect(names.output == "2\n")
      // What is kept beside them stays what it is, and nothing is outside.
      let others = try CommandLine.shell(
        "ls -A \(net); find / -xdev -maxdepth 4 -name outside.bin 2>/dev/null; find . -name outside.bin | grep -v '/net/web.test/ranged/'; find build -name '%%new'",
        in: server.directory)
      #expect(
        others.output.split(separator: "\n").sorted()
          == [
            "broken", "connections.txt", "file%%file", "file?a=b", "ip4.txt", "ip6.txt", "names.txt", "ranged",
            "requests",
          ],
        "\(others)")
      // A name of more than 255 bytes is cut.
      let listed = try FileManager.default.contentsOfDirectory(atPath: net + "/ranged")
      #expect(listed.contains { $0.hasPrefix("000") && $0.utf8.count == 255 }, "\(listed)")
    }
  }
}
