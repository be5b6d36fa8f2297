import Testing

@testable import Inspect

struct LineDiffTests {
  /// All edits applied to the old text make the new one, and none is without need.
  @Test(arguments: [
    ("", ""), ("a\n", ""), ("", "a\n"), ("a\nb\nc\n", "a\nc\n"), ("a\nb\nc\n", "c\nb\na\n"), ("a\n", "a"), ("a", "b"),
    ("a\nb\na\nb\n", "b\na\nb\na\n"), ("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"),
    ("x\n\n\ny\n", "\n\n\n"),
  ])
  func editsMakeTheNewText(_ old: String, _ new: String) {
    let difference = LineDiff(Array(old.utf8), Array(new.utf8))
    var (from, to): ([UInt8], [UInt8]) = ([], [])
    for edit in difference.edits {
      switch edit {
      case .keep(let left, let right):
        #expect(difference.old[left] == difference.new[right])
        from += difference.old[left]
        to += difference.new[right]
      case .remove(let line): from += difference.old[line]
      case .insert(let line): to += difference.new[line]
      }
    }
    #expect(from == Array(old.utf8) && to == Array(new.utf8))
  }

  @Test(arguments: [
    ("a\nb\nc\n", "a\nc\n", 0, 1), ("a\nb\nc\n", "a\nx\nb\nc\n", 1, 0), ("a\nb\nc\nd\n", "b\nc\nd\ne\n", 1, 1),
    ("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", 2, 3),
  ])
  func differencesAreShort(_ old: String, _ new: String, _ insertions: Int, _ removals: Int) {
    let difference = LineDiff(Array(old.utf8), Array(new.utf8))
    #expect(difference.insertions == insertions && difference.removals == removals)
  }

  @Test func hunksAreApartWhereTheTextIsTheSame() {
    let old = (1...30).map { "\($0)\n" }
    var new = old
    new[4] = "five\n"
    new[24] = "25\n26a\n"
    var text = ""
    LineDiff(Array(old.joined().utf8), Array(new.joined().utf8)).forEachHunkLine { mark, line in
      if mark == UInt8(ascii: "@") { text += String(decoding: line, as: UTF8.self) }
    }
    #expect(text == "@@ -2,7 +2,7 @@\n@@ -23,6 +23,7 @@\n")
  }

  @Test func whatDiffersAltogetherIsReplaced() {
    let old = (0..<4000).map { "a\($0)\n" }.joined()
    let new = (0..<4000).map { "b\($0)\n" }.joined()
    let difference = LineDiff(Array(old.utf8), Array(new.utf8))
    #expect(difference.insertions == 4000 && difference.removals == 4000)
  }
}
