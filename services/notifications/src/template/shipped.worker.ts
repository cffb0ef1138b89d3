import { Injectable, type OnModuleInit } from '@nestjs/common';

import { Db } from '@yunke/postgres';

import { FACTS } from '../rule/fields.js';
import { SHIPPED_RULES } from '../rule/rule.shipped.js';
import { addMissing } from '../rule/rule.store.js';
import { compile } from './template.js';
import { SHIPPED_TEMPLATES } from './template.shipped.js';
import { newest, save } from './template.store.js';

/** Saves the templates and rules that ship, where there are none of that name yet. */
@Injectable()
export class Shipped implements OnModuleInit {
  constructor(private readonly db: Db) {}

  async onModuleInit(): Promise<void> {
    const usable = SHIPPED_TEMPLATES.filter(({ facts }) => facts.every((fact) => FACTS.includes(fact)));
    const known = await newest(this.db, usable.map(({ name }) => name));
    const missing = await Promise.all(usable.filter(({ name }) => !known.has(name)).map(async ({ name, facts, languages }) => ({ name, facts, languages: await compile(languages, facts) })));
    await this.db.tx(async (tx) => {
      await tx.query(`select pg_advisory_xact_lock(hashtext('notifications shipped'))`);
      const others = await newest(tx, missing.map(({ name }) => name)); // another replica may have been first
      for (const template of missing) if (!others.has(template.name)) await save(tx, template);
      await addMissing(tx, SHIPPED_RULES.filter(({ fact }) => FACTS.includes(fact)));
    });
  }
}
