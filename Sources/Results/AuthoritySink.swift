import Glibc
import SystemPackage
import Tracing

/// An export that goes nowhere: it looks for what is not to be brought out.
struct AuthoritySink: ExportSink {
  private let search: AuthoritySearch
  private(set) var found: [[UInt8]] = []

  init(_ search: AuthoritySearch) { self.search = search }

  mutating func add(
    _ found: MergedView.Found, _ path: [UInt8], in view: MergedView, hardLink: [UInt8]?
  ) throws(TraceError) {
    guard found.type == S_IFREG else { return }
    do throws(Errno) {
      let holds = if let hardLink { self.found.contains(hardLink) } else { try search.isIn(found, of: view) }
      if holds { self.found.append(path) }
    } catch { throw TraceError("cannot read \(Display.text(path)): \(error)") }
  }

  mutating func leave(_ found: MergedView.Found, _ path: [UInt8]) {}
}
