import { Settings } from './settings.js';

describe('the configuration', () => {
  it('lists everything that is wrong at once, and repeats no value', () => {
    const settings = new Settings({ YUNKE_PORT: 'eighty', YUNKE_MIGRATE: 'perhaps', SECRET_FILE: '/nowhere' });
    settings.integer('YUNKE_PORT', { fallback: 8080, most: 65_535 });
    settings.oneOf('YUNKE_MIGRATE', ['run', 'wait'], 'run');
    settings.text('SECRET');

    expect(settings.faults).toEqual([
      'YUNKE_PORT must be a whole number from 0 to 65535', 'YUNKE_MIGRATE must be one of run, wait',
      'SECRET_FILE names a file that cannot be read', 'SECRET is missing',
    ]);
    expect(() => settings.check()).toThrow(/^The configuration is wrong/);
    expect(() => settings.check()).not.toThrow(/eighty|perhaps/);
  });
});
