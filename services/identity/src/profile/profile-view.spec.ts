import { maskField, maskValue } from './profile-view.js';

describe('what a viewer sees', () => {
  it.each([
    ['email', 'ada@example.com', 'a***@example.com'], ['phone', '13800138000', '138****8000'], ['phone', '+442079460958', '+4420****0958'], ['name', '张三丰', '张***'],
    ['address', '1 High Street', '1***'], ['city', 'York', 'York'], ['marketingConsent', 'false', 'false'],
  ])('of a %s %s is %s', (field, value, seen) => {
    expect(maskField(field, value, 'masked')).toBe(seen);
    expect(maskField(field, value, 'full')).toBe(value);
  });

  it('of any identifier is a hint', () => {
    expect(maskValue('web:device-1', 'masked')).toBe('w***');
    expect(maskValue('web:device-1', 'full')).toBe('web:device-1');
  });
});
