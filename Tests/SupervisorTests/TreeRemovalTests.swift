import Foundation
import Testing

@testable import Supervisor

/// What a guest has made is removed however it has made it, and nothing else is.
struct TreeRemovalTests {
  private let folder: String

  init() throws {
    var template = Array("/var/tmp/uwrx-removal-XXXXXX".utf8CString)
    folder = String(cString: try #require(mkdtemp(&template)))
  }

  private func end() { TreeRemoval.remove(folder) }

  /// Directories within directories, each made in the one before.
  private func nest(_ count: Int, in path: String, name: String) throws {
    var directory = open(path, O_RDONLY | O_DIRECTORY)
    for _ in 0..<count {
      #expect(mkdirat(directory, name, 0o755) == 0)
      let next = openat(directory, name, O_RDONLY | O_DIRECTORY)
      close(directory)
      directory = next
    }
    close(openat(directory, "file", O_WRONLY | O_CREAT, 0o644))
    close(directory)
  }

  @Test func deeperThanAnyPath() throws {
    defer { end() }
    let tree = folder + "/tree"
    #expect(mkdir(tree, 0o755) == 0)
    try nest(300, in: tree, name: String(repeating: "n", count: 200))
    try nest(1000, in: tree, name: "a")
    #expect(TreeRemoval.remove(tree))
    #expect(access(tree, F_OK) != 0)
  }

  @Test func wideAndManyLevels() throws {
    defer { end() }
    let tree = folder + "/tree"
    #expect(mkdir(tree, 0o755) == 0)
    for index in 0..<40 {
      #expect(mkdir(tree + "/\(index)", 0o755) == 0)
      try nest(5, in: tree + "/\(index)", name: "same")
      close(open(tree + "/\(index)/.uwrx-removed-\(index)", O_WRONLY | O_CREAT, 0o644))
      #expect(mkdir(tree + "/.uwrx-removed-\(index)", 0o755) == 0)
    }
    #expect(TreeRemoval.remove(tree))
  }

  @Test func linksAreNotFollowed() throws {
    defer { end() }
    let (tree, kept) = (folder + "/tree", folder + "/kept")
    for path in [tree, tree + "/inner", kept] { #expect(mkdir(path, 0o755) == 0) }
    close(open(kept + "/file", O_WRONLY | O_CREAT, 0o644))
    #expect(chmod(kept, 0o500) == 0)
    for path in [tree, tree + "/inner"] {
      #expect(symlink(kept, path + "/link") == 0)
      #expect(symlink("/", path + "/root") == 0)
    }
    #expect(TreeRemoval.remove(tree))
    var status = stat()
    #expect(stat(kept, &status) == 0 && status.st_mode & 0o777 == 0o500)
    #expect(access(kept + "/file", F_OK) == 0)
    // Nor is a link in the place of the directory itself.
    #expect(symlink(kept, tree) == 0)
    TreeRemoval.remove(tree)
    #expect(access(kept + "/file", F_OK) == 0)
  }

  /// As an ordinary user, who cannot look into it.
  @Test func modesDoNotKeepIt() throws {
    defer { end() }
    let tree = folder + "/tree"
    #expect(chmod(folder, 0o777) == 0)
    let script = """
      mkdir -p tree/a/b/c tree/d/e; touch tree/a/b/c/f tree/d/e/f tree/a/f
      chmod 000 tree/a/b/c tree/a/b tree/a tree/d/e; chmod 500 tree/d
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.arguments = ["-c", script]
    try process.run()
    process.waitUntilExit()
    #expect(TreeRemoval.remove(tree))
  }
}
