import Testing

@testable import Archives

struct JSONTests {
  @Test(arguments: [
    ("null", JSON.null), ("true", .boolean(true)), (" false\n", .boolean(false)), ("-0.5e+3", .number("-0.5e+3")),
    ("9223372036854775807", .number("9223372036854775807")), ("[]", .array([])), ("{}", .object([:])),
    ("[1, [2]]", .array([.number("1"), .array([.number("2")])])),
    (#"{"a": {"b": []}, "c": "d"}"#, .object(["a": .object(["b": .array([])]), "c": .string("d")])),
    (#""a\"\\\/\b\f\n\r\tb""#, .string("a\"\\/\u{8}\u{c}\n\r\tb")), (#""\u00e9\ud83d\ude00é😀""#, .string("é😀é😀")),
  ])
  func valid(_ text: String, _ value: JSON) { #expect(JSON(parsing: Array(text.utf8)) == value) }

  @Test(arguments: [
    "", " ", "nul", "truee", "01", "1.", ".5", "+1", "1e", "-", "[1,]", "[1 2]", "[", "]", "{", "{,}", #"{"a"}"#,
    #"{"a":1,}"#, "{a:1}", #"{"a":1,"a":2}"#, #"""#, #""\x""#, #""\u12""#, #""\ud800""#, #""\ud800\u0041""#,
    #""\udc00""#, "\"\u{1}\"", "1 2", "'a'", "NaN", "/**/1", "\u{feff}1",
    String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000),
  ])
  func invalid(_ text: String) { #expect(JSON(parsing: Array(text.utf8)) == nil) }

  @Test func invalidUnicode() {
    #expect(JSON(parsing: [0x22, 0xff, 0x22]) == nil)
    #expect(JSON(parsing: [0x22, 0xed, 0xa0, 0x80, 0x22]) == nil)
  }

  @Test func integers() {
    #expect(JSON(parsing: Array("12".utf8))?.integer == 12)
    #expect(JSON(parsing: Array("1e3".utf8))?.integer == nil)
    #expect(JSON(parsing: Array("9223372036854775808".utf8))?.integer == nil)
  }
}
