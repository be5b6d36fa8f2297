import Network
import Testing

@Suite("Injected headers")
struct InjectionRuleTests {
  @Test(
    "a rule has a host, a header and a value",
    arguments: [
      ("api.test: Authorization: Bearer abc: def", "api.test", "Authorization", "Bearer abc: def"),
      ("api.test:443: X-Key:  spaces around  ", "api.test:443", "X-Key", "spaces around"),
      ("[2001:db8::1]:8443: a: b", "[2001:db8::1]:8443", "a", "b"),
    ])
  func parsed(_ text: String, _ host: String, _ header: String, _ value: String) throws {
    let rule = try InjectionRule(text)
    #expect(rule.host.description == host)
    #expect(rule.header == header)
    #expect(rule.value == value)
  }

  @Test(
    "a wrong one is told without its value",
    arguments: [
      "api.test", "api.test: X-Key", "api.test:X-Key:secret", "api.test: bad header: secret",
      "api.test: X-Key: sec\u{1}ret", "http://api.test: X: secret",
      "api.test: X-Key: ", ": X-Key: secret",
    ])
  func wrong(_ text: String) {
    let error = #expect(throws: NetworkOptionError.self) { try InjectionRule(text) }
    #expect(error?.message.contains("secret") == false)
    #expect(error?.message.contains("sec") == false)
  }

  @Test("it is for its host and port alone")
  func host() throws {
    let rule = try InjectionRule("api.test:443: X-Key: value")
    #expect(rule.isFor(Domain("API.test")!, port: 443))
    #expect(!rule.isFor(Domain("api.test")!, port: 80))
    #expect(!rule.isFor(Domain("www.api.test")!, port: 443))
  }
}
