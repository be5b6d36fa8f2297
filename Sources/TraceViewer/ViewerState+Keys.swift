import Inspect

extension ViewerState {
  /// Does what a key stands for.
  public mutating func handle(_ key: Key) {
    message = nil
    switch mode {
    case .typing(let before): handleTyping(key, before)
    case .help(let top): handleHelp(key, top)
    case .text(let copy, let page): handleText(key, copy, page)
    case .browse:
      if isTooSmall {
        if key == .character("q") { finish() }
      } else if !handleAnywhere(key), !(focus == .tree ? handleTree(key) : handleDetails(key)) {
        if case .character(let scalar) = key { message = "\(scalar) means nothing here: ? lists the keys" }
      }
    }
  }

  private mutating func handleAnywhere(_ key: Key) -> Bool {
    switch key {
    case .character("q"): finish()
    case .character("?"), .help: mode = .help(top: 0)
    case .character("/"): mode = .typing(before: focus == .tree ? treeFilter : paneFilters[tab.rawValue])
    case .character(let digit) where ("1"..."5").contains(digit): show(Tab(rawValue: Int(digit.value) - 0x31)!)
    case .tab: show(Tab(rawValue: (tab.rawValue + 1) % Tab.allCases.count)!)
    case .backTab: show(Tab(rawValue: (tab.rawValue + Tab.allCases.count - 1) % Tab.allCases.count)!)
    case .character("z"):
      isZoomed.toggle()
      refreshPane()
    case .character("y"): copy()
    case .character("p"): goToParent()
    case .character("c"): goToFirstChild()
    case .character("b"), .backspace: goBack()
    default: return false
    }
    return true
  }

  private mutating func show(_ new: Tab) {
    // Where the tree has the screen, the key asks to see the details.
    if layout.details == nil { focus = .details }
    guard new != tab else { return }
    tab = new
    panePosition = ListPosition()
    paneOffset = 0
    refreshPane()
  }

  // MARK: The tree

  private mutating func handleTree(_ key: Key) -> Bool {
    if treePosition.move(key, count: tree.rows.count, height: treeHeight) {
      adoptRow()
      return true
    }
    switch key {
    case .enter: if current != nil { focus = .details }
    case .escape: removeFilter()
    case .left, .character("h"): closeOrGoUp()
    case .right, .character("l"): openOrGoDown()
    case .character(" "): toggle()
    case .character("-"): changeTree { $0.collapseAll() }
    case .character("+"), .character("="), .character("*"): changeTree { $0.expandAll() }
    case .character("n"): goToMatch(forward: true)
    case .character("N"): goToMatch(forward: false)
    case .character("!"):
      showsFailuresOnly.toggle()
      relayOut()
    case .character("w"):
      showsCriticalOnly.toggle()
      relayOut()
    case .character("t"):
      minimalDuration = [0: 10_000_000, 10_000_000: 100_000_000, 100_000_000: 1_000_000_000][minimalDuration] ?? 0
      relayOut()
    case .character("s"):
      order = Order.allCases[(Order.allCases.firstIndex(of: order)! + 1) % Order.allCases.count]
      refreshTree()
      message = "Siblings are sorted \(order.name)"
    default: return false
    }
    return true
  }

  /// After a change of what is asked for: what is selected is one of it, if there is any.
  private mutating func relayOut() {
    layOutTree()
    let rows = tree.rows
    if isFiltered, rows.indices.contains(treePosition.selected), !rows[treePosition.selected].isMatch {
      let after = rows[treePosition.selected...].firstIndex(where: \.isMatch)
      if let match = after ?? rows.firstIndex(where: \.isMatch) { treePosition.select(match, count: rows.count) }
    }
    adoptRow()
  }

  private mutating func changeTree(_ change: (inout ProcessTree) -> Void) {
    // What is selected stays in sight, or the ancestor that hides it.
    let before = selected
    change(&tree)
    layOutTree()
    var visible = before
    while let process = visible, tree.row(of: process) == nil { visible = tree.parent(of: process) }
    if let visible, let row = tree.row(of: visible) { treePosition.select(row, count: tree.rows.count) }
    adoptRow()
  }

  private mutating func toggle() {
    guard let selected else { return }
    if isFiltered { return message = "A filter shows all that matches: Esc removes it" }
    changeTree { $0.collapsed.contains(selected) ? $0.expand(selected) : $0.collapse(selected) }
  }

  private mutating func closeOrGoUp() {
    guard let selected else { return }
    if !isFiltered, tree.childCount(of: selected) > 0, !tree.collapsed.contains(selected) {
      changeTree { $0.collapse(selected) }
    } else if let parent = tree.parent(of: selected) {
      jump(to: parent, remembers: false)
    }
  }

  private mutating func openOrGoDown() {
    guard let selected else { return }
    if !isFiltered, tree.collapsed.contains(selected) {
      changeTree { $0.expand(selected) }
    } else if let child = tree.firstChild(of: selected), !isFiltered || tree.row(of: child) != nil {
      jump(to: child, remembers: false)
    }
  }

  private mutating func removeFilter() {
    guard isFiltered else { return }
    treeFilter = LineEditor()
    minimalDuration = 0
    showsFailuresOnly = false
    showsCriticalOnly = false
    if let selected { tree.reveal(selected) }
    relayOut()
  }

  private mutating func goToMatch(forward: Bool) {
    let count = tree.rows.count
    var row = treePosition.selected
    for _ in 0..<count {
      row = (row + (forward ? 1 : count - 1)) % count
      let isWanted = isFiltered ? tree.rows[row].isMatch : hasFailed(run.processes[tree.rows[row].process])
      guard isWanted else { continue }
      treePosition.select(row, count: count)
      return adoptRow()
    }
    message = isFiltered ? "No process matches" : "No process failed: / filters"
  }

  private mutating func goToParent() {
    guard let selected else { return }
    guard let parent = tree.parent(of: selected) else { return message = "It has no parent here" }
    jump(to: parent)
  }

  private mutating func goToFirstChild() {
    guard let selected else { return }
    guard let child = tree.firstChild(of: selected) else { return message = "It has no child" }
    jump(to: child)
  }

  private mutating func goBack() {
    guard let last = visited.popLast() else { return message = "There is nothing to go back to" }
    jump(to: last, remembers: false)
  }

  // MARK: The details

  private mutating func handleDetails(_ key: Key) -> Bool {
    if panePosition.move(key, count: pane.count, height: detailsHeight) { return true }
    switch key {
    case .escape: leaveDetails()
    case .left, .character("h"): paneOffset = max(0, paneOffset - 8)
    case .right, .character("l"): paneOffset = min(1 << 20, paneOffset + 8)
    case .enter: goToOther()
    case .character("f") where tab == .files:
      let groups: [FileLine.Group?] = [nil] + FileLine.Group.allCases
      fileGroup = groups[(groups.firstIndex(of: fileGroup)! + 1) % groups.count]
      panePosition = ListPosition()
      refreshPane()
    case .character("f") where tab == .network:
      let groups: [NetworkLine.Group?] = [nil] + NetworkLine.Group.allCases
      networkGroup = groups[(groups.firstIndex(of: networkGroup)! + 1) % groups.count]
      panePosition = ListPosition()
      refreshPane()
    case .character("d") where tab == .environment:
      showsEnvironmentDifferences.toggle()
      panePosition = ListPosition()
      refreshPane()
    default: return false
    }
    return true
  }

  private mutating func leaveDetails() {
    if paneFilters[tab.rawValue].text.isEmpty {
      focus = .tree
    } else {
      paneFilters[tab.rawValue] = LineEditor()
      refreshPane()
    }
  }

  private mutating func goToOther() {
    guard case .files(let content) = pane, content.lines.indices.contains(panePosition.selected) else { return }
    let line = content.lines[panePosition.selected]
    guard line.version > 0 else {
      return message = line.group == .missed ? "There was nothing to read" : "It was there before the run"
    }
    guard let other = line.writer ?? reader(of: line) else {
      return message = "This process wrote it, and no other one read it"
    }
    guard let process = index(of: other) else { return message = "The trace does not tell who process \(other) is" }
    jump(to: process)
    // There, the version is what the user looks for.
    if case .files(let content) = pane,
      let place = content.lines.firstIndex(where: { $0.path == line.path && $0.version == line.version })
    {
      panePosition.select(place, count: content.lines.count)
    }
  }

  /// The first process that read what this one wrote.
  private func reader(of line: FileLine) -> UInt32? {
    run.accesses(of: line.path).first {
      $0.version == line.version && $0.pid != current?.pid && FileLine.Group($0.kind) == .read
    }?.pid
  }

  // MARK: Modes

  private mutating func handleTyping(_ key: Key, _ before: LineEditor) {
    switch key {
    case .enter: mode = .browse
    case .escape:
      setFilter(LineEditor())
      mode = .browse
    case .up, .down, .pageUp, .pageDown:
      if focus == .tree { _ = handleTree(key) } else { _ = handleDetails(key) }
    default:
      var filter = focus == .tree ? treeFilter : paneFilters[tab.rawValue]
      // As in less: a Backspace too many leaves.
      if key == .backspace, filter.text.isEmpty { return mode = .browse }
      if filter.handle(key) { setFilter(filter) }
    }
  }

  private mutating func setFilter(_ filter: LineEditor) {
    if focus == .tree {
      treeFilter = filter
      relayOut()
    } else {
      paneFilters[tab.rawValue] = filter
      panePosition = ListPosition()
      refreshPane()
    }
  }

  private mutating func handleHelp(_ key: Key, _ top: Int) {
    var position = ListPosition()
    position.select(top, count: Self.helpCount)
    if key == .character("q") || key == .escape || key == .character("?") || key == .help || key == .enter {
      mode = .browse
    } else if position.move(key, count: max(1, Self.helpCount - (rows - 2) + 1), height: rows - 2) {
      mode = .help(top: position.selected)
    }
  }

  private mutating func handleText(_ key: Key, _ copy: CopyText, _ page: Int) {
    let pages = pageCount(copy)
    guard pages > 1 else { return mode = .browse }
    switch key {
    case .pageDown, .character(" "), .down, .enter: mode = .text(copy, page: min(page + 1, pages - 1))
    case .pageUp, .character("b"), .up: mode = .text(copy, page: max(page - 1, 0))
    default: mode = .browse
    }
  }

  /// Shows the command, or the selected line of the details, without anything around it.
  private mutating func copy() {
    var text: CopyText?
    if focus == .details, pane.count > 0 { text = copyText(ofLine: panePosition.selected) }
    if text == nil, let program = current?.program { text = CopyText("the command", commandLine(program)) }
    guard let text else { return message = "There is nothing to copy" }
    copied = hasClipboard ? Clipboard.sequence(text.text) : nil
    mode = .text(text, page: 0)
  }
}
