/// What is the same on every page of the report.
enum Page {
  static let style = """
    :root { color-scheme: light dark; --back: #fbfbf9; --card: #fff; --text: #1d2125; --soft: #5c656e; --line: #dfe2e4;
      --passed: #2e8b57; --failed: #c8372d; --skipped: #b98a1d; --untested: #b4bbc1;
      --native: #5b7fb8; --emulate: #3f9a8c; --gate: #c98a3d; --deny: #a35d86; }
    @media (prefers-color-scheme: dark) {
      :root { --back: #15181b; --card: #1d2125; --text: #e4e7e9; --soft: #9aa4ad; --line: #343b41;
        --passed: #55b882; --failed: #f0766c; --skipped: #d9ae4b; --untested: #59636c;
        --native: #83a5dc; --emulate: #62bdae; --gate: #dfa760; --deny: #c986ae; }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--back); color: var(--text);
      font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
    main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
    h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; letter-spacing: -.015em; }
    h2 { font-size: 1.25rem; margin: 0 0 .9rem; }
    h2 small { color: var(--soft); font-weight: 400; }
    a { color: inherit; } abbr { text-decoration: none; cursor: help; }
    section { margin-top: 3rem; }
    code, pre { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: .875em; }
    .lead { max-width: 44rem; color: var(--soft); margin: .75rem 0 0; }
    .verdict { display: inline-block; margin: 0; padding: .35rem .8rem; border-radius: .4rem; font-weight: 600;
      border: 1px solid currentColor; }
    .verdict.passed { color: var(--passed); } .verdict.failed { color: var(--failed); } .verdict.skipped { color: var(--skipped); }
    .facts { display: flex; flex-wrap: wrap; gap: .75rem 1.6rem; margin: 1.5rem 0 0; font-size: .875rem; }
    .facts dt { color: var(--soft); } .facts dd { margin: 0; }
    .bars { display: grid; gap: 1.5rem; padding: 1.4rem 1.5rem; background: var(--card); border: 1px solid var(--line);
      border-radius: .6rem; margin-top: 2rem; }
    .bar h2 { font-size: 1rem; margin: 0 0 .5rem; }
    .track { display: flex; gap: 2px; height: .8rem; border-radius: .4rem; overflow: hidden; background: var(--line); }
    .track span { min-width: 3px; }
    .bar ul { display: flex; flex-wrap: wrap; gap: .25rem 1.4rem; list-style: none; padding: 0; margin: .5rem 0 0;
      font-size: .875rem; color: var(--soft); }
    .bar b, button b { color: var(--text); font-weight: 600; }
    .note { margin: 0; font-size: .875rem; color: var(--soft); }
    i { display: inline-block; width: .65em; height: .65em; border-radius: 50%; margin-right: .45em; }
    i.passed, .track .passed { background: var(--passed); } i.failed, .track .failed { background: var(--failed); }
    i.skipped, .track .skipped { background: var(--skipped); } i.untested, .track .untested { background: var(--untested); }
    i.native, .track .native { background: var(--native); } i.emulate, .track .emulate { background: var(--emulate); }
    i.gate, .track .gate { background: var(--gate); } i.deny, .track .deny { background: var(--deny); }
    .failure { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--failed);
      border-radius: .4rem; margin-bottom: .75rem; padding: .6rem 1rem; }
    .failure summary { cursor: pointer; }
    .failure code { font-weight: 600; } .failure small { color: var(--soft); margin-left: .4em; }
    pre { overflow-x: auto; margin: .6rem 0; line-height: 1.45; }
    del { color: var(--failed); text-decoration: none; } ins { color: var(--passed); text-decoration: none; }
    .tools { position: sticky; top: 0; background: var(--back); padding: .75rem 0; display: flex; flex-wrap: wrap;
      gap: .6rem 1.25rem; align-items: center; z-index: 1; }
    input { flex: 1 1 18rem; font: inherit; padding: .45rem .8rem; border: 1px solid var(--line); border-radius: .4rem;
      background: var(--card); color: inherit; }
    input:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--native); outline-offset: 1px; }
    .toggles { display: flex; flex-wrap: wrap; gap: .35rem; }
    button { font: inherit; font-size: .875rem; padding: .25rem .7rem; border: 1px solid var(--line); border-radius: 1rem;
      background: var(--card); color: var(--text); cursor: pointer; }
    button[aria-pressed="false"] { opacity: .45; text-decoration: line-through; }
    #shown { flex-basis: 100%; margin: 0; font-size: .875rem; color: var(--soft); } #shown:empty { display: none; }
    .columns, .call summary { display: grid; grid-template-columns: 2.6rem 12.5rem 6.5rem 9rem 1fr; gap: 0 .9rem;
      align-items: baseline; padding: .42rem .6rem; }
    .columns { font-size: .8rem; color: var(--soft); border-bottom: 1px solid var(--line); }
    .columns span:first-child, .number { text-align: right; color: var(--soft); font-variant-numeric: tabular-nums; }
    .call { border-bottom: 1px solid var(--line); } .call[hidden] { display: none; }
    .call summary { cursor: pointer; list-style: none; font-size: .9375rem; }
    .call summary::-webkit-details-marker { display: none; }
    .call summary:hover, .call[open] { background: var(--card); }
    .call summary code { font-size: .9375em; font-weight: 600; overflow-wrap: anywhere; }
    .why { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--soft); min-width: 0; }
    .call[open] .why { visibility: hidden; }
    em { font-style: normal; font-size: .78rem; padding: .05rem .45rem; border: 1px solid var(--line); border-radius: .7rem; }
    .state.passed { color: var(--passed); } .state.failed { color: var(--failed); font-weight: 600; }
    .state.skipped { color: var(--skipped); } .state.untested { color: var(--soft); }
    .call dl { display: grid; grid-template-columns: 7rem 1fr; gap: .3rem .9rem; margin: 0; padding: .2rem 1rem 1rem 4.1rem;
      font-size: .9375rem; }
    .call dt { color: var(--soft); } .call dd { margin: 0; overflow-wrap: anywhere; max-width: 46rem; }
    .fixture { display: inline-block; padding: 0 .5rem; border: 1px solid var(--line); border-radius: .3rem; }
    .fixture.failed { color: var(--failed); border-color: var(--failed); }
    #differences ol { padding: 0; margin: 1.2rem 0 0; list-style: none; }
    #differences li { padding: .8rem 0; border-top: 1px solid var(--line); }
    #differences li p { margin: 0; } #differences li p:first-child::first-letter { text-transform: uppercase; }
    .where, .pattern { font-size: .875rem; color: var(--soft); } .pattern { overflow-wrap: anywhere; }
    @media (max-width: 46rem) {
      .columns { display: none; }
      .call summary { grid-template-columns: 2.6rem 1fr auto; } .call summary .why { display: none; }
      .call summary .state { grid-column: 2 / -1; font-size: .85rem; } .tools { position: static; }
      .call dl { grid-template-columns: 1fr; padding-left: 1rem; }
    }
    @media print {
      :root { color-scheme: light; --back: #fff; --card: #fff; --text: #000; --soft: #444; --line: #bbb; }
      * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
      body { font-size: 8.5pt; line-height: 1.35; } main { max-width: none; padding: 0; } .tools { display: none; }
      .call, .failure, .bar, #differences li { break-inside: avoid; } .call[open] .why { display: none; }
      .columns, .call summary { grid-template-columns: 2.6rem 12.5rem 6.5rem 1fr; padding: .15rem 0; }
      .columns span:last-child { display: none; } .call dl { font-size: 8pt; padding: 0 0 .35rem 3.5rem; gap: 0 .9rem; }
      .call summary .state { grid-column: auto; } section { margin-top: 1.5rem; } #differences li { padding: .3rem 0; }
      pre { white-space: pre-wrap; }
    }

    """

  static let script = """
    const rows = [...document.querySelectorAll('.call')];
    const filter = document.getElementById('filter'), shown = document.getElementById('shown');
    const buttons = [...document.querySelectorAll('button[data-group]')];
    const texts = rows.map(row => row.textContent.toLowerCase());
    const update = () => {
      const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
      const off = buttons.filter(b => b.getAttribute('aria-pressed') === 'false');
      let count = 0;
      rows.forEach((row, i) => {
        const visible = words.every(w => texts[i].includes(w)) && !off.some(b => row.dataset[b.dataset.group] === b.dataset.value);
        row.hidden = !visible;
        if (visible) count++;
      });
      shown.textContent = count === rows.length ? '' : count + ' of ' + rows.length + ' system calls';
    };
    filter.addEventListener('input', update);
    buttons.forEach(b => b.addEventListener('click', () => {
      b.setAttribute('aria-pressed', b.getAttribute('aria-pressed') === 'true' ? 'false' : 'true');
      update();
    }));
    let closed = [];
    addEventListener('beforeprint', () => { closed = rows.filter(r => !r.open); closed.forEach(r => r.open = true); });
    addEventListener('afterprint', () => closed.forEach(r => r.open = false));
    update();

    """
}
